"""What cannot be read is absent and shown as such, never as 0; nothing is counted twice afterwards.

All of it befalls gamma on host two; the pods of host one must not notice.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
# What diaspora* writes when a signature does not fit: nothing else in the lab makes such a line.
LINE = (
    "[2026-11-22T08:53:10] WARN  PID-1 TID-2 Workers::ReceivePublic: don't retry for error: "
    "DiasporaFederation::Salmon::SignatureVerificationFailed"
)
OTHERS = f'podfleet_source_up{{host="{HOST}",pod="{POD}"}} == 1'
TAKE = f"systemctl stop postgresql {REDIS} && mv {LOG} {LOG}.away"
GIVE = f"mv {LOG}.away {LOG}; systemctl start postgresql {REDIS}"
COUNTED = f'podfleet_received_total{{pod="{POD}",outcome="signature"}}'


@pytest.fixture(scope="module")
def dashboard(watching: Watching) -> Iterator[Dashboard]:
    with observed(watching.fleet) as opened:
        yield opened


@pytest.fixture(scope="module")
def away(watching: Watching, dashboard: Dashboard) -> Iterator[Dashboard]:
    """Nothing of that can be read, until the tests that want it are over."""
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


def counted(watching: Watching) -> float | None:
    """So many refused signatures as Prometheus has them now; None while the log is not there."""
    return next((value for _, value in watching.query(COUNTED)), None)


def counted_before(watching: Watching) -> float:
    before: float = wait_until(lambda: watching.query(COUNTED), SOON)[0][1]
    return before


def write(watching: Watching, path: str, lines: int) -> None:
    """As whoever has the log open: at its end."""
    watching.shell(HOST, f'for _ in $(seq {lines}); do echo "{LINE}"; done >>{path}')


def comes_to(watching: Watching, total: float) -> bool:
    return bool(wait_until(lambda: counted(watching) == total, SOON))


def test_a_log_that_is_renamed_is_read_to_its_end_and_counted_once(watching: Watching) -> None:
    before = counted_before(watching)
    write(watching, LOG, 3)
    watching.shell(HOST, f"mv {LOG} {LOG}.1")
    # Who has it open goes on writing there.
    write(watching, f"{LOG}.1", 2)
    as_the_pod = f"setpriv --reuid=pod-{POD} --regid=pod-{POD} --clear-groups"
    watching.shell(HOST, f"{as_the_pod} sh -c 'umask 027; : >{LOG}'")
    write(watching, LOG, 4)
    try:
        assert comes_to(watching, before + 9), counted(watching)
    finally:
        # The pod's processes still write into the old one: it is the log again.
        watching.shell(HOST, f"mv {LOG}.1 {LOG}")


def test_a_log_that_is_copied_and_cut_is_counted_once(watching: Watching) -> None:
    """As the pod's own logrotate does it."""
    before = counted_before(watching)
    write(watching, LOG, 3)
    watching.shell(HOST, f"logrotate --force /etc/logrotate.d/pod-{POD} 2>&1")
    write(watching, LOG, 4)
    assert comes_to(watching, before + 7), counted(watching)


def test_an_exporter_that_is_killed_goes_on_where_it_was(watching: Watching) -> None:
    before = counted_before(watching)
    first = watching.shell(HOST, "systemctl show --value -p MainPID podfleet-monitor")
    watching.shell(HOST, "systemctl kill --signal=KILL podfleet-monitor")
    write(watching, LOG, 2)
    assert comes_to(watching, before + 2), counted(watching)
    assert watching.shell(HOST, "systemctl show --value -p MainPID podfleet-monitor") != first
    assert watching.query(f"resets({COUNTED}[10m])")[0][1] == 0
    assert wait_until(lambda: watching.query("podfleet_source_up == 0") == [], SOON)
