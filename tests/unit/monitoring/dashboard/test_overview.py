"""A person who has never seen it can tell from the overview which pod fails to reach whom."""

from __future__ import annotations

import re

from monitoring.reasons import WORDS, Reason
from tests.unit.monitoring.dashboard.conftest import Standing
from tests.unit.monitoring.dashboard.reading_pages import get


def test_the_first_sentence_says_who_fails_to_reach_whom_since_when_and_why(red: Standing) -> None:
    said = get(f"{red.pages}/").text
    sentence = (
        r"bad: gamma cannot be used from outside, and alpha and beta do not reach it,"
        r" since \d\d:\d\d UTC \(1\d min\): nothing answered to the connection in time\. What to do"
    )
    assert re.search(sentence, said), said[:600]
    assert re.search(r"Whether gamma reaches alpha and beta is not known since", said)


def test_it_links_to_what_to_do(red: Standing) -> None:
    assert 'href="/runbook#poddown"' in get(f"{red.pages}/").body


def test_a_line_a_pod(red: Standing) -> None:
    page = get(f"{red.pages}/")
    gamma, alpha = page.row("gamma gamma.example.org"), page.row("alpha alpha.example.org")
    assert gamma[1].endswith("bad: no")
    assert gamma[2].endswith("no data")
    assert alpha[1].endswith("good: yes")
    assert re.search(r"good: \d+(\.\d+)? s", alpha[2])
    assert alpha[4].endswith("90 %")
    assert alpha[6].endswith("60 d")
    assert alpha[7:] == ["0.9.1.0", "upgrade: well 2 d ago"]


def test_what_is_stale_is_said_to_be_with_its_age(red: Standing) -> None:
    """The last number stays to be seen, but not as if it held."""
    waiting = get(f"{red.pages}/").row("beta beta.example.org")[5]
    assert re.fullmatch(r"\? not known: \d+ stale: last read 2\d min ago", waiting)
    parts = get(f"{red.pages}/pods/beta").row("Jobs to be tried again")
    assert "stale: last read" in parts[1]


def test_what_cannot_be_read_is_absent_and_no_zero(red: Standing) -> None:
    page = get(f"{red.pages}/pods/alpha")
    processes = next(row for row in page.rows() if "Restarts in a day" in row)
    after = page.rows()[page.rows().index(processes) + 1]
    assert after == ["No data."]
    assert page.row("units")[2].endswith("stale: last read 20 min ago")


def test_a_host_that_is_silent_is_named(red: Standing) -> None:
    assert "The monitor of host three does not answer" in get(f"{red.pages}/").text
    assert "The monitor of host three does not answer." in get(f"{red.pages}/peers").text


def test_where_nothing_is_known_now_the_past_does_not_count(red: Standing) -> None:
    assert get(f"{red.pages}/").row("gamma gamma.")[3] == "? not known: 100 % not known now"


def test_where_all_is_well_one_sentence_says_so(well: Standing) -> None:
    said = get(f"{well.pages}/").text
    assert re.search(r"alpha, beta and gamma reach one another: the last canary flew at", said)
    assert "bad:" not in said


def test_the_page_of_a_pod_tells_of_its_parts(well: Standing) -> None:
    page = get(f"{well.pages}/pods/gamma")
    assert page.status == 200
    assert page.row("Database")[1] == "3.2 GiB"
    assert page.row("sidekiq")[1].endswith("runs")
    assert page.row("net failed")[1:] == [WORDS[Reason.REFUSED], "2"]
    assert page.body.count('<svg class="chart"') == 4


def test_a_pod_that_nothing_tells_of_is_no_page(well: Standing) -> None:
    assert get(f"{well.pages}/pods/nobody").status == 404
    assert get(f"{well.pages}/pods/Al%22pha").status == 404
