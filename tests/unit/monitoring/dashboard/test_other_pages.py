"""The canary's map, deliveries, upgrades, alerts and the runbook."""

from __future__ import annotations

import re

from monitoring.dashboard import links
from monitoring.dashboard.views.runbook import RUNBOOK
from monitoring.reasons import WORDS, Reason
from tests.unit.monitoring.dashboard.conftest import Standing
from tests.unit.monitoring.dashboard.reading_pages import get


def test_the_map_says_each_pair_in_words_besides_its_colour(red: Standing) -> None:
    page = get(f"{red.pages}/canary")
    alpha, gamma = page.row("alpha"), page.row("gamma")
    assert alpha[1] == "itself"
    assert re.fullmatch(r"✓ good: ok \d+(\.\d+)? s", alpha[2])
    assert alpha[3] == "✕ bad: lost the post did not arrive in time"
    assert gamma[1] == "? not known: unknown the pod did not take the canary's post"


def test_each_pair_has_its_day_with_words_for_it(red: Standing) -> None:
    body = get(f"{red.pages}/canary").body
    assert body.count('<svg class="strip"') == 6
    said = re.findall(r'aria-label="(the last 24 h: [^"]*)"', body)
    assert re.fullmatch(r"the last 24 h: 4[5-8] of 48 half hours well, .*", said[0])


def test_deliveries_show_attempts_backlog_and_receipts(red: Standing) -> None:
    page = get(f"{red.pages}/deliveries")
    shares = {row[0]: row[2] for row in page.rows() if len(row) == 3 and row[2].endswith("%")}
    assert shares[WORDS[Reason.REFUSED]] == "5 %"
    assert shares["signature"] == "0.5 %"
    assert "stale: last read" in page.row("beta")[1]
    assert 'aria-label="Deliveries that wait, by age: ' in page.body
    only = get(f"{red.pages}/deliveries?pod=alpha")
    assert not [row for row in only.rows() if row[:1] == ["gamma"]]


def test_upgrades_show_what_was_predicted_and_what_came(well: Standing) -> None:
    page = get(f"{well.pages}/upgrades")
    ledger = page.row("beta")
    assert ledger[2:] == ["1.4 s", "▲ to be watched: 6.5 s"]
    assert page.row("alpha")[3] == "✓ good: 1.2 s"
    assert "▲" not in page.row("alpha")[3]


def test_without_alerts_the_page_says_so(well: Standing) -> None:
    assert "No alert fires, and none is about to." in get(f"{well.pages}/alerts").text


def test_the_runbook_is_shown_where_it_lies(well: Standing) -> None:
    assert RUNBOOK.is_file()
    page = get(f"{well.pages}/runbook")
    missing = [alert for alert in links.ALERTS if f'id="{alert.lower()}"' not in page.body]
    assert not missing


def test_no_mark_of_the_runbook_s_own_language_is_shown(well: Standing) -> None:
    text = re.sub(r"<(pre|code).*?</\1>", "", get(f"{well.pages}/runbook").body, flags=re.DOTALL)
    assert not re.findall(r".*(?:(?<!diaspora)[*]|`|\]\().*", text)
