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

import httpx

from monitoring.dashboard.app import application
from monitoring.dashboard.freshness import SOURCES
from monitoring.dashboard.peers import PANELS as PEERS
from monitoring.dashboard.prometheus import Prometheus
from monitoring.dashboard.reading import Asking
from monitoring.dashboard.settings import Settings
from monitoring.dashboard.views.overview import PANELS as OVERVIEW
from tests.bench.table import Figure
from tests.unit.monitoring.dashboard.chromium import Tab, tab
from tests.unit.monitoring.dashboard.running import dashboard, prometheus
from tests.unit.monitoring.dashboard.synthetic import Fleet

TIMES = 7
PAINTS = 5
GOALS = {"/": 0.1, "/peers": 0.2}
NAMES = {"/": "overview", "/peers": "2,000 peers"}
ASKED: Mapping[str, Sequence[str]] = {
    "/": OVERVIEW,
    "/peers": ("pods", *SOURCES, *PEERS),
}
FIRST_PAINT = 1.0


def pages(directory: Path) -> list[Figure]:
    """Server time of the two pages that have a goal, and their first paint."""
    with prometheus(Fleet(time.time(), 2000, is_red=True), directory) as url:
        figures = [asyncio.run(_served(url, path)) for path in GOALS]
        with dashboard(url, directory) as address:
            return figures + _painted(address, directory)


async def _served(url: str, path: str) -> Figure:
    """The median; nothing is kept from one run to the next, so that each asks all."""
    settings = Settings(prometheus=url)
    whole = [await _page(settings, path) for _ in range(TIMES)]
    asking = [await _questions(settings, ASKED[path]) for _ in range(TIMES)]
    return Figure(
        f"page: {NAMES[path]}, server time",
        statistics.median(whole[1:]),
        GOALS[path],
        "of it, Prometheus alone",
        statistics.median(asking[1:]),
    )


async def _page(settings: Settings, path: str) -> float:
    transport = httpx.ASGITransport(application(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://dashboard") as client:
        # The templates are compiled once a process.
        await client.get("/no-such-page")
        began = time.monotonic()
        answer = await client.get(path)
        took = time.monotonic() - began
    if answer.status_code != 200:
        raise AssertionError(answer.text)
    return took


async def _questions(settings: Settings, names: Sequence[str]) -> float:
    asking = Asking(Prometheus(settings.prometheus), settings, time.time())
    began = time.monotonic()
    await asking.read(*names)
    return time.monotonic() - began


def _painted(address: str, directory: Path) -> list[Figure]:
    with tab(directory / "profile") as browser:
        browser.go(f"{address}/runbook")
        return [
            Figure(
                f"page: {NAMES[path]}, first paint in Chromium",
                statistics.median(_paint(browser, address + path) for _ in range(PAINTS)),
                FIRST_PAINT,
            )
            for path in GOALS
        ]


def _paint(browser: Tab, address: str) -> float:
    browser.go("about:blank")
    # Past what the dashboard keeps of Prometheus' answers.
    time.sleep(5.5)
    browser.go(address)
    return browser.first_paint_seconds()
