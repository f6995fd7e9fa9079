"""What a page shows of the past: up to this minute, and where nothing was known, nothing."""

from __future__ import annotations

import asyncio
import json
import re
from operator import add

from monitoring.dashboard.drawing import MOST_COLOURS, lines, most
from monitoring.dashboard.panels import BY_NAME
from monitoring.dashboard.prometheus import Prometheus, Series, moments
from monitoring.dashboard.reading import Reading
from monitoring.dashboard.settings import Settings
from monitoring.dashboard.views.charts import chart
from tests.unit.monitoring.dashboard.conftest import Standing
from tests.unit.monitoring.dashboard.reading_pages import get
from tests.unit.monitoring.dashboard.test_trouble import impostor

NOW = 1_767_225_000.0
PANEL = BY_NAME["queue_latency"]
WHENS = moments(PANEL.hours, PANEL.step, NOW)


def _asked(known: dict[float, str]) -> tuple[Series, ...]:
    """What becomes of one series that Prometheus has at these moments only."""
    series = {"metric": {"queue": "low"}, "values": [[when, known[when]] for when in sorted(known)]}
    data = {"status": "success", "data": {"resultType": "matrix", "result": [series]}}
    with impostor(lambda _: b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(data).encode()) as url:
        asking = Prometheus(url).over(PANEL.promql, PANEL.hours, PANEL.step, NOW)
        return tuple(asyncio.run(asking))


def test_the_last_moment_is_this_minute() -> None:
    assert moments(24, 1800, 1_767_226_379.0)[-1] == 1_767_226_379 // 60 * 60
    assert len(WHENS) == 49


def test_a_gap_is_not_drawn_over() -> None:
    (series,) = _asked({WHENS[0]: "1", WHENS[1]: "1", WHENS[20]: "1", WHENS[21]: "1"})
    drawn = lines({"low": series.points}, str, "low")
    assert re.findall(r"[ML]", re.findall(r'<path [^>]* d="([^"]*)"', drawn)[0]) == [*"MLML"]


def test_what_has_ended_has_no_value_now() -> None:
    answers = {PANEL.name: list(_asked({WHENS[0]: "7", WHENS[1]: "8"}))}
    (entry,) = chart(Reading(NOW, Settings(), answers), PANEL.name).legend
    assert entry[1:] == ("low", "no data", "8 s")


def test_the_others_are_not_zero_where_none_is_known() -> None:
    many = [Series({"queue": str(one)}, ((1.0, 2.0), (2.0, None))) for one in range(9)]
    named = most(many, lambda one: one.labels["queue"], add)
    assert len(named) == MOST_COLOURS
    assert named["others"] == [(1.0, 6.0), (2.0, None)]


def test_a_pair_that_fails_now_is_not_well_up_to_now(red: Standing) -> None:
    body = get(f"{red.pages}/canary").body
    pairs = dict(re.findall(r'<th scope="row">(\w+ to \w+)</th>.*?"strip".*?aria-label="([^"]*)"',
                            body, re.DOTALL))  # fmt: skip
    assert "48 of 48 half hours well" in pairs["alpha to beta"]
    assert re.search(r" 4[67] of 48 half hours well", pairs["alpha to gamma"])
