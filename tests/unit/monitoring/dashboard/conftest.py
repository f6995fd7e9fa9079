"""What the dashboard's tests share: two fleets behind a real Prometheus each, and a browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.unit.monitoring.dashboard.chromium import Tab, tab
from tests.unit.monitoring.dashboard.running import dashboard, prometheus
from tests.unit.monitoring.dashboard.synthetic import Fleet


@dataclass(frozen=True)
class Standing:
    """The addresses of a dashboard and of the Prometheus that it asks."""

    pages: str
    prometheus: str


def _standing(fleet: Fleet, factory: pytest.TempPathFactory) -> Iterator[Standing]:
    directory = factory.mktemp("dashboard")
    with prometheus(fleet, directory) as url, dashboard(url, directory) as pages:
        yield Standing(pages, url)


@pytest.fixture(scope="session")
def red(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """2,000 peers, gamma cut off, a source of beta's stale."""
    yield from _standing(Fleet(time.time(), 2000, is_red=True), tmp_path_factory)


@pytest.fixture(scope="session")
def well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """40 peers, and nothing wrong but some of them."""
    yield from _standing(Fleet(time.time()), tmp_path_factory)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened
