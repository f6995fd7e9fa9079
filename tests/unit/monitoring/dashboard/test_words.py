"""How values are said, also where clocks differ; and the runbook's Markdown."""

from __future__ import annotations

import pytest

from monitoring.buckets import RETRIES_SECONDS
from monitoring.dashboard.markdown import rendered
from monitoring.dashboard.panels import PANELS
from monitoring.dashboard.wording import age, duration, listing, moment, percent, reason_words, said
from monitoring.reasons import WORDS, Reason

DURATIONS = {0.3: "0.3 s", 0.0: "0 s", 12: "12 s", 61: "1 min 1 s", 725: "12 min", 3600: "1 h",
             12000: "3 h 20 min", 90000: "1 d 1 h", 5184000: "60 d", -30: "-30 s"}  # fmt: skip
SHARES = {0: "0 %", 0.001: "0.1 %", 0.9: "90 %", 0.9999: "99.9 %", 1: "100 %"}
MARKDOWN = {
    "## PodDown": '<h3 id="poddown">PodDown</h3>',
    "a <b> `c < d` **e**": "<p>a &lt;b&gt; <code>c &lt; d</code> <strong>e</strong></p>",
    "*a b* <*c*> 2 * 3": "<p><em>a b</em> &lt;<em>c</em>&gt; 2 * 3</p>",
    "diaspora*'s *a*": "<p>diaspora*&#39;s <em>a</em></p>",
    "[x](javascript:1) [y](#z)": '<p>x <a href="#z">y</a></p>',
    "- a\n  b\n- c": "<ul><li>a b</li><li>c</li></ul>",
    "1. a\n2. b": "<ol><li>a</li><li>b</li></ol>",
    "```\n# <x>\n```": "<pre tabindex=0><code># &lt;x&gt;</code></pre>",
    "a\nb\n\nc": "<p>a b</p>\n<p>c</p>",
}


@pytest.mark.parametrize(("seconds", "words"), DURATIONS.items())
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("share", "words"), SHARES.items())
def test_shares_are_never_rounded_to_all_or_nothing(share: float, words: str) -> None:
    assert percent(share) == words


def test_ages() -> None:
    assert age(1000, 1750) == "12 min ago"
    assert age(1000, 1000.2) == "1 s ago"


def test_a_clock_that_is_ahead_is_named_and_no_age_made_of_it() -> None:
    assert age(1180, 1000) == "3 min ahead of this host's clock"


def test_a_time_that_cannot_be_is_no_traceback() -> None:
    assert moment(1e30) == "a time that cannot be"


def test_what_is_not_known_is_no_zero() -> None:
    assert {said(None, panel.unit) for panel in PANELS} == {"no data"}


def test_lists() -> None:
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing(list("abcdef")) == "a, b, c and 3 others"


def test_each_reason_has_words_and_an_unknown_one_its_own() -> None:
    assert {reason_words(str(one)) for one in Reason} == set(WORDS.values())
    assert reason_words("of_a_newer_release") == "of a newer release"


def test_a_delivery_is_lost_after_about_17_hours() -> None:
    assert 16.5 * 3600 < RETRIES_SECONDS < 17.5 * 3600


@pytest.mark.parametrize(("source", "html"), MARKDOWN.items())
def test_markdown(source: str, html: str) -> None:
    assert str(rendered(source)) == html
