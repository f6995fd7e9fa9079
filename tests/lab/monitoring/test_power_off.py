"""A host loses its power: its pods' alerts, what is about to be lost there, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.lab.monitoring.outage import Clock, is_well, page_until, told_since
from tests.lab.monitoring.shown import Dashboard, observed
from tests.lab.monitoring.watching import Watching, wait_until

AM = "http://127.0.0.1:9093"
HOUR = 3600
# diaspora*'s tries of a delivery take about so long.
TRIES_SECONDS = 17 * HOUR


@dataclass
class Off:
    """The host is off since `clock` began."""

    watching: Watching
    dashboard: Dashboard
    clock: Clock
    seen: int


@pytest.fixture(scope="module")
def off(watching: Watching) -> Iterator[Off]:
    """Host two, with gamma; on again at the end whatever happens."""
    with observed(watching.fleet) as dashboard:
        page_until(Clock(), dashboard, "all was well before", is_well, 240)
        seen = len(watching.receiver.alerts)
        watching.fleet.podfleet("lab kill", "two")
        try:
            yield Off(watching, dashboard, Clock(), seen)
        finally:
            watching.fleet.podfleet("lab boot", "two")


def test_its_alert_fires_and_arrives(off: Off) -> None:
    off.clock.until(
        "the alert at its receiver",
        lambda: told_since(off.watching, off.seen, "PodDown", "firing", pod="gamma"),
        180,
    )
    firing = off.watching.shell("one", f"amtool --alertmanager.url={AM} alert query pod=gamma")
    assert "PodDown" in firing


def test_what_the_host_told_is_absent_and_not_nothing(off: Off) -> None:
    assert wait_until(lambda: off.watching.query('podfleet_source_up{host="two"}') == [], 60)
    assert off.watching.query('up{host="two",job="monitor"} == 0')
    assert off.watching.query('podfleet_posts{pod="gamma"}') == []
    assert off.watching.query('podfleet_posts{pod="alpha"}')


def test_hours_until_loss_count_down_for_who_delivers_there(off: Off) -> None:
    """From the first delivery that failed: the canary's own posts are such."""
    left = 'min(podfleet_peer_lost_at_timestamp_seconds{host="one",peer="gamma.lab.test"}) - time()'
    first = off.clock.until(
        "a failed delivery's end is known", lambda: off.watching.query(left), 240
    )[0][1]
    looked = time.monotonic()
    assert 0.9 * TRIES_SECONDS < first < 1.2 * TRIES_SECONDS
    time.sleep(10)
    second = off.watching.query(left)[0][1]
    passed = time.monotonic() - looked
    assert first - second == pytest.approx(passed, abs=3)
    row = off.dashboard.get("/peers").row("gamma.lab.test")
    assert any(cell.text.startswith(("16", "17", "18")) and " h" in cell.text for cell in row), row


def test_all_clears_after_it_is_back(off: Off) -> None:
    off.watching.fleet.podfleet("lab boot", "two")
    back = Clock()
    back.until(
        "the alert's end at its receiver",
        lambda: told_since(off.watching, off.seen, "PodDown", "resolved", pod="gamma"),
        300,
    )
    page_until(back, off.dashboard, "all well on the page", is_well, 300)
    assert wait_until(
        lambda: {one["pod"] for one, _ in off.watching.query("podfleet_posts")} >= {"gamma"}, 90
    )
