"""A platform run has the host for itself: it waits for nobody, and says who is in the way."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from provision.errors import Refusal
from provision.report import Lines
from tests.lab.platform.platform_host import PlatformHost, wait_until

LOCK = "/run/podfleet/host.lock"


@pytest.fixture
def operation(platform: PlatformHost) -> str:
    """An operation's unit, as far as locks go."""
    unit = "some-operation.service"
    platform.shell(
        f"set -e; systemd-run --collect --unit={unit} flock --shared {LOCK} sleep 600; "
        f"while flock --exclusive --nonblock {LOCK} true; do sleep 0.1; done"
    )
    return unit


def test_operation_under_way_is_named(platform: PlatformHost, operation: str) -> None:
    with pytest.raises(Refusal) as refused:
        platform.converge()
    platform.shell(f"systemctl stop {operation}")
    assert operation in str(refused.value)
    assert "since" in str(refused.value)
    assert "podfleet up" in str(refused.value)
    assert platform.changes() == []


def test_apt_waits_for_the_operation(platform: PlatformHost, operation: str) -> None:
    platform.shell("systemctl start --no-block apt-daily.service")
    wait_until(lambda: platform.shell("pgrep -cf [f]lock.*exclusive || true") != "0")
    assert platform.shell("systemctl is-active apt-daily.service", check=False) == "activating"
    platform.shell(f"systemctl stop {operation}")
    idle = "systemctl is-active apt-daily.service || true"
    wait_until(lambda: platform.shell(idle) == "inactive", 120)
    assert platform.shell("systemctl show --property=Result --value apt-daily.service") == "success"


def test_unfinished_operation_comes_first(platform: PlatformHost) -> None:
    """Also one whose process is gone: it will go on where it was."""
    operation = "/var/lib/podfleet/alpha/operations/20260101T000000Z-launch"
    request = '{"format": 1, "operation": "launch", "operator": "admin@example.org"}'
    platform.shell(f'mkdir -p {operation} && printf %s "$1" >{operation}/request.json', request)
    with pytest.raises(Refusal, match=r"launch of alpha by admin@example\.org since"):
        platform.converge()
    verdict = '{"event": "verdict", "exit": 0}'
    platform.shell(f"printf '%s\\n' \"$1\" >{operation}/journal.jsonl", verdict)
    assert platform.changes() == []
    platform.shell("rm -r /var/lib/podfleet/alpha")


def _converge_until_killed(platform: PlatformHost) -> None:
    platform.converge(report=Lines())


def test_killed_controller_leaves_a_host_that_the_next_run_finishes(
    platform: PlatformHost,
) -> None:
    platform.shell("echo '# by hand' >>/etc/nginx/nginx.conf")
    controller = multiprocessing.get_context("fork").Process(
        target=_converge_until_killed, args=(platform,)
    )
    controller.start()
    mended = "grep -q 'by hand' /etc/nginx/nginx.conf && echo no || echo yes"
    wait_until(lambda: platform.shell(mended) == "yes", 60)
    assert controller.pid is not None
    os.kill(controller.pid, signal.SIGKILL)
    controller.join()
    # What serves now: nginx, with the settings it had. The lock is free at once.
    assert platform.code("systemctl", "is-active", "--quiet", "nginx.service") == 0
    wait_until(lambda: platform.code("flock", "--exclusive", "--nonblock", LOCK, "true") == 0)
    result = platform.converge()
    assert "nginx: Reload nginx" in [str(change) for change in result.changed]
    assert "The last run ended early" in result.notices[0]
    assert platform.changes() == []
