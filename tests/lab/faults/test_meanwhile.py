"""What happens while an operation runs: it lives on its host, and everybody finds it there."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from provision.contract import HOST_LOCK, RELOAD_LOCK
from tests.lab.faults.controller import Begun, Controller

VHOST = "/etc/nginx/sites-enabled/pod-alpha.conf"
WHO_WHAT_WHEN = re.compile(r"configure \S+ by root@\S+ since \d{4}-\d\d-\d\dT\S+, at step apply")


@contextmanager
def in_the_middle(stood: Controller, *arguments: str) -> Iterator[Begun]:
    """A ./podfleet that mends a vhost: its operation waits before nginx takes it up again."""
    stood.shell("one", f"echo '# by hand' >>{VHOST}")
    with stood.held("one", str(RELOAD_LOCK)):
        begun = stood.begin(*(arguments or ("up",)))
        stood.wait_until_somebody_waits("one")
        yield begun


def assert_it_ended_well(stood: Controller) -> None:
    """The operation of the last run, whoever followed it."""
    (pod,) = stood.podfleet("status", "--json").json["pods"]
    assert pod["operation"] is None
    assert (pod["last_operation"]["finished"], pod["last_operation"]["exit"]) == (True, 0)
    assert pod["state"] == "serving" and stood.serves("alpha")
    assert stood.has_nothing_to_do()


def test_a_killed_controller_is_not_missed(stood: Controller) -> None:
    with in_the_middle(stood) as killed:
        killed.send(signal.SIGKILL)
        assert killed.ended() == -signal.SIGKILL
        (pod,) = stood.podfleet("status", "--json").json["pods"]
        assert stood.serves("alpha")
        follower, second = stood.begin("follow"), stood.begin("up")
        second.wait_for("waits for")
    assert (pod["operation"]["operation"], pod["operation"]["finished"]) == ("configure", False)
    assert pod["operation"]["operator"] and pod["operation"]["since"]
    assert follower.ended() == 0, follower.said()
    assert second.ended() == 0, second.said()
    assert_it_ended_well(stood)


def test_an_operation_outlives_a_cut_of_the_network(stood: Controller) -> None:
    with in_the_middle(stood) as cut_off:
        stood.lab.cut("one")
        try:
            code = cut_off.ended(90)
        finally:
            stood.lab.heal("one")
            # The tests' own way in was cut, too.
            stood.connection("one").close()
        said = cut_off.said()
        (pod,) = stood.podfleet("status", "--json").json["pods"]
        assert stood.serves("alpha")
        follower = stood.begin("follow")
        follower.wait_for("files: done")
    assert code == 1
    assert "The operation goes on there" in said
    assert "`podfleet follow --pod alpha`" in said
    assert (pod["operation"]["step"], pod["operation"]["finished"]) == ("apply", False)
    assert follower.ended() == 0, follower.said()
    assert "configure: done" in follower.said()
    stood.podfleet("up")
    assert_it_ended_well(stood)


def test_a_second_operator_hears_who_runs_what_and_waits(stood: Controller) -> None:
    with in_the_middle(stood) as first:
        second = stood.begin("configure")
        second.wait_for("waits for")
        assert WHO_WHAT_WHEN.search(second.said()), second.said()
        assert stood.serves("alpha")
    assert (first.ended(), second.ended()) == (0, 0), second.said()
    assert_it_ended_well(stood)


def test_a_second_platform_run_is_refused_with_who_and_since_when(stood: Controller) -> None:
    first = stood.begin("up", "--deep")
    first.wait_for("role base ...")
    said = stood.refused("up", "--deep")
    assert re.search(
        r"the host is busy: platform run by root@\S+ \(process \d+\) holds its lock since \d\d:",
        said,
    ), said
    assert "run podfleet up again" in said
    assert first.ended() == 0, first.said()
    assert_it_ended_well(stood)


@contextmanager
def apt_at_work(stood: Controller) -> Iterator[None]:
    """Debian's own timer's service, in the middle: it holds the host's lock, and waits itself."""
    hold = "systemd-run --quiet --collect --unit=slow-apt flock /var/lib/apt/daily_lock sleep 300"
    stood.shell("one", f"{hold}; while flock -n /var/lib/apt/daily_lock true; do sleep 0.05; done")
    stood.shell("one", "systemctl start --no-block apt-daily-upgrade.service")
    stood.shell("one", f"while flock -n {HOST_LOCK} true; do sleep 0.05; done")
    try:
        yield
    finally:
        stood.shell("one", "systemctl stop slow-apt.service")


def test_up_waits_for_apt_and_says_so(stood: Controller) -> None:
    stood.lab.set_mirror("down")
    try:
        with apt_at_work(stood):
            said = stood.refused("up", "--deep")
            stood.shell("one", f"echo '# by hand' >>{VHOST}")
            begun = stood.begin("up")
            begun.wait_for(f"waits for {HOST_LOCK}, held by")
            assert stood.serves("alpha")
        assert begun.ended() == 0, begun.said()
    finally:
        stood.lab.set_mirror("online")
    assert "the host is busy: apt-daily-upgrade.service" in said
    assert "run podfleet up again" in said
    assert "apt.systemd.daily" in begun.said()
    assert_it_ended_well(stood)


def test_apt_waits_for_an_operation(stood: Controller) -> None:
    stood.lab.set_mirror("down")
    try:
        with in_the_middle(stood) as begun:
            stood.shell("one", "systemctl start --no-block apt-daily-upgrade.service")
            wait = f"flock --exclusive {HOST_LOCK} /usr/lib/apt/apt.systemd.daily"
            stood.shell("one", f"timeout 60 sh -c \"until pgrep -f '{wait}'; do sleep 0.1; done\"")
            show = "systemctl show --value --property=ActiveState apt-daily-upgrade.service"
            assert stood.shell("one", show).strip() == "activating"
            assert "daily" not in stood.shell(
                "one", "fuser -v /var/lib/apt/daily_lock 2>&1 || true"
            )
        assert begun.ended() == 0, begun.said()
        ended = f'until [ "$({show})" = inactive ]; do sleep 0.2; done'
        stood.shell("one", f"timeout 120 sh -c '{ended}'")
    finally:
        stood.lab.set_mirror("online")
    result = stood.shell("one", show.replace("ActiveState", "Result"))
    assert result.strip() == "success"
    assert_it_ended_well(stood)


def interrupt(begun: Begun) -> str:
    """Ctrl-C, as a terminal sends it; what was said by the end."""
    started = time.monotonic()
    begun.send(signal.SIGINT)
    assert begun.ended(60) == 130, begun.said()
    assert time.monotonic() - started < 40
    said = begun.said()
    assert "interrupted. What was begun on a host goes on" in said
    assert "`podfleet follow`" in said and "the same command again finishes the rest" in said
    return said


def test_ctrl_c_in_an_operation_leaves_it_to_its_host(stood: Controller) -> None:
    with in_the_middle(stood) as begun:
        interrupt(begun)
        assert stood.serves("alpha")
    assert "configure: done" in stood.podfleet("follow").stdout
    assert_it_ended_well(stood)


def test_ctrl_c_in_a_platform_run_is_mended_by_the_next(stood: Controller) -> None:
    begun = stood.begin("up", "--deep")
    begun.wait_for("role postgresql ...")
    interrupt(begun)
    assert stood.serves("alpha")
    stood.podfleet("up", "--deep")
    assert_it_ended_well(stood)
