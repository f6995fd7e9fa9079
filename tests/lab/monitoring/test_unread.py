"""What cannot be read is absent and shown as such, never as 0; what can be read is told as before.

All of it befalls gamma on host two; the pods of host one must not notice.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.monitoring.dropping import Dropping
from tests.lab.monitoring.shown import Dashboard, observed
from tests.lab.monitoring.watching import Watching, wait_until

POD, HOST = "gamma", "two"
LOG = f"/srv/pods/{POD}/shared/log/production.log"
REDIS = f"redis-server@pod-{POD}.service"
# The exporter reads every half minute, and Prometheus every quarter.
SOON = 90
# Of each source, what it alone tells.
TOLD = {
    "database": ("podfleet_posts", "podfleet_users", "podfleet_database_bytes"),
    "redis": ("podfleet_sidekiq_processes", "podfleet_scheduled_sends", "podfleet_retry_jobs"),
    "log": ("podfleet_deliveries_total", "podfleet_received_total"),
}
SHOWN = {
    "database": ("Posts written here", "Database"),
    "redis": ("Background processes", "Jobs to be tried again"),
}
SOURCES = "Where this is from"
OTHERS = f'podfleet_source_up{{host="{HOST}",pod="{POD}"}} == 1'
TAKE = f"systemctl stop postgresql {REDIS} && mv {LOG} {LOG}.away"
GIVE = f"mv {LOG}.away {LOG}; systemctl start postgresql {REDIS}"


@pytest.fixture(scope="module")
def dashboard(watching: Watching) -> Iterator[Dashboard]:
    with observed(watching.fleet) as opened:
        yield opened


@pytest.fixture(scope="module")
def away(watching: Watching, dashboard: Dashboard, dropping: Dropping) -> Iterator[Dashboard]:
    """Nothing of that can be read, until the tests that want it are over.

    Meanwhile another pod drops what it receives: its alert takes minutes.
    """
    assert wait_until(lambda: watching.query("podfleet_source_up == 0") == [], SOON)
    watching.shell(HOST, TAKE)
    try:
        assert wait_until(lambda: unread(watching) == {*TOLD}, SOON), unread(watching)
        yield dashboard
    finally:
        watching.shell(HOST, f"! test -e {LOG}.away || {{ {GIVE}; }}")


def unread(watching: Watching) -> set[str]:
    found = watching.query("podfleet_source_up == 0")
    assert all(labels["pod"] == POD for labels, _ in found), found
    return {labels["source"] for labels, _ in found}


@pytest.mark.parametrize("source", TOLD)
def test_what_it_told_is_absent(watching: Watching, away: Dashboard, source: str) -> None:
    for metric in TOLD[source]:
        assert watching.query(f'{metric}{{pod="{POD}"}}') == []
        assert watching.query(f'{metric}{{pod="alpha"}}')


def test_all_else_is_still_told(watching: Watching, away: Dashboard) -> None:
    told = {one["source"] for one, _ in watching.query(OTHERS)}
    assert told == {"units", "facts", "certificate", "disk"}


@pytest.mark.parametrize("source", TOLD)
def test_the_page_shows_it_as_not_known(away: Dashboard, source: str) -> None:
    shown = away.get(f"/pods/{POD}")
    for words in SHOWN.get(source, ()):
        cell = shown.value(words)
        assert (cell.tone, cell.text[:7]) == ("unknown", "no data"), (words, cell)
    cell = shown.below(SOURCES).row(source)[-1]
    assert cell.tone == "warn"
    assert "cannot be read" in cell.text or "stale" in cell.text


@pytest.mark.parametrize("source", TOLD)
def test_the_others_pages_do_not_mind(away: Dashboard, source: str) -> None:
    shown = away.get("/pods/alpha")
    assert shown.below(SOURCES).row(source)[-1].tone == ""
    for words in SHOWN.get(source, ()):
        assert shown.value(words).tone != "unknown"


def test_all_is_told_again(watching: Watching, away: Dashboard) -> None:
    watching.shell(HOST, GIVE)
    assert wait_until(lambda: unread(watching) == set(), SOON), unread(watching)
    for metric in sum(TOLD.values(), ()):
        assert watching.query(f'{metric}{{pod="{POD}"}}')
