"""The dashboard's pages: how long the server takes for one, and Chromium until it shows.

Prometheus is a real one, and its share is named apart: what the same questions cost when they are
asked of it side by side, as the page asks them, and nothing is made of the answers.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from monitoring.dashboard.freshness import SOURCES
from monitoring.dashboard.peers import PANELS as PEERS
from monitoring.dashboard.prometheus import Prometheus
from monitoring.dashboard.reading import Asking
from monitoring.dashboard.settings import Settings
from monitoring.dashboard.views.overview import PANELS as OVERVIEW
from tests.bench.table import Figure
from tests.unit.monitoring.dashboard.chromium import Tab, tab
from tests.unit.monitoring.dashboard.reading_pages import get
from tests.unit.monitoring.dashboard.running import dashboard, prometheus
from tests.unit.monitoring.dashboard.synthetic import Fleet

TIMES = 5
# Past what the dashboard keeps of Prometheus' answers, in seconds.
FORGOTTEN_AFTER = 5.2
GOALS = {"/": 0.1, "/peers": 0.2}
NAMES = {"/": "overview", "/peers": "2,000 peers"}
ASKED: Mapping[str, Sequence[str]] = {
    "/": OVERVIEW,
    "/peers": ("pods", *SOURCES, *PEERS),
}
FIRST_PAINT = 1.0


def pages(directory: Path) -> list[Figure]:
    """Server time of the two pages that have a goal, and their first paint."""
    with (
        prometheus(Fleet(time.time(), 2000, is_red=True), directory) as url,
        dashboard(url, directory) as address,
    ):
        figures = [_served(url, address, path) for path in GOALS]
        return figures + _painted(address, directory)


def _served(url: str, address: str, path: str) -> Figure:
    """The median of whole answers over loopback, each time with every question asked anew."""
    get(address + path)
    whole = [_page(address + path) for _ in range(TIMES)]
    return Figure(
        f"page: {NAMES[path]}, server time",
        statistics.median(whole),
        GOALS[path],
        "of it, Prometheus alone",
        asyncio.run(_questions(url, ASKED[path])),
    )


def _page(url: str) -> float:
    time.sleep(FORGOTTEN_AFTER)
    began = time.monotonic()
    answer = get(url)
    took = time.monotonic() - began
    if answer.status != 200:
        raise AssertionError(answer.text)
    return took


async def _questions(url: str, names: Sequence[str]) -> float:
    took = []
    for _ in range(TIMES):
        asking = Asking(Prometheus(url), Settings(prometheus=url), time.time())
        began = time.monotonic()
        await asking.read(*names)
        took.append(time.monotonic() - began)
    return statistics.median(took)


def _painted(address: str, directory: Path) -> list[Figure]:
    with tab(directory / "profile") as browser:
        browser.go(f"{address}/runbook")
        return [
            Figure(
                f"page: {NAMES[path]}, first paint in Chromium",
                statistics.median(_paint(browser, address + path) for _ in range(TIMES)),
                FIRST_PAINT,
            )
            for path in GOALS
        ]


def _paint(browser: Tab, address: str) -> float:
    browser.go("about:blank")
    time.sleep(FORGOTTEN_AFTER)
    browser.go(address)
    return browser.first_paint_seconds()
