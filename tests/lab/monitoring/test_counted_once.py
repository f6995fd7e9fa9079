"""A log is rotated, one way and the other, and the exporter is killed: all is counted once."""

from __future__ import annotations

import pytest

from tests.lab.monitoring.dropping import Dropping
from tests.lab.monitoring.watching import Watching, wait_until

POD, HOST = "gamma", "two"
LOG = f"/srv/pods/{POD}/shared/log/production.log"
# The exporter reads every half minute, and Prometheus every quarter.
SOON = 90
# What diaspora* writes when a signature does not fit: nothing else in the lab makes such a line.
# As in any log, no two begin alike: by that the reader tells files apart.
LINE = (
    "[$(date +%FT%T.%N)] WARN  PID-1 TID-2 Workers::ReceivePublic: don't retry for error: "
    "DiasporaFederation::Salmon::SignatureVerificationFailed"
)
COUNTED = f'podfleet_received_total{{pod="{POD}",outcome="signature"}}'


@pytest.fixture(scope="module", autouse=True)
def meanwhile(dropping: Dropping) -> None:
    """That pod's alert takes minutes: they are not waited for."""


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
        # The pod's processes still write into the old one: it is the log again. Emptied, for what
        # is there again after it was read to its end would be a new file, and be counted anew.
        watching.shell(HOST, f": >{LOG}.1; mv {LOG}.1 {LOG}")


def test_a_log_that_is_copied_and_cut_is_counted_once(watching: Watching) -> None:
    """As the pod's own logrotate does it."""
    before = counted_before(watching)
    # It is being read: of two rotations between two readings, what was between them is lost.
    write(watching, LOG, 1)
    assert comes_to(watching, before + 1), counted(watching)
    write(watching, LOG, 3)
    watching.shell(HOST, f"logrotate --force /etc/logrotate.d/pod-{POD} 2>&1")
    write(watching, LOG, 4)
    assert comes_to(watching, before + 8), counted(watching)


def test_an_exporter_that_is_killed_goes_on_where_it_was(watching: Watching) -> None:
    before = counted_before(watching)
    first = watching.shell(HOST, "systemctl show --value -p MainPID podfleet-monitor")
    watching.shell(HOST, "systemctl kill --signal=KILL podfleet-monitor")
    write(watching, LOG, 2)
    assert comes_to(watching, before + 2), counted(watching)
    assert watching.shell(HOST, "systemctl show --value -p MainPID podfleet-monitor") != first
    assert watching.query(f"resets({COUNTED}[10m])")[0][1] == 0
    assert wait_until(lambda: watching.query("podfleet_source_up == 0") == [], SOON)
