"""Operations, whoever disturbs them: another operation, apt, a controller that dies, a network."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from provision.contract import HOST_LOCK, PodPlaces
from provision.errors import Refusal
from provision.operations import dispatch
from provision.report import Silent
from tests.lab.operations.freezer import freeze_file
from tests.lab.operations.pod_lab import PodLab, until

HOST, POD = "one", "alpha"


@pytest.fixture
def lab(serving: PodLab) -> PodLab:
    return serving


def test_the_second_of_two_operations_is_told_who_runs_what_since_when(lab: PodLab) -> None:
    first = lab.start(POD, "configure")
    with pytest.raises(Refusal) as refused:
        lab.start(POD, "export")
    text = str(refused.value)
    assert f"configure {first}, started by " in text
    assert " at 20" in text
    assert f"podfleet follow --pod {POD}" in text
    lab.follow(POD, first)
    assert lab.get(POD) == 200
    lab.run(POD, "export")


def test_an_operation_waits_for_apt_says_so_and_goes_on(lab: PodLab) -> None:
    lab.shell(
        HOST,
        f"systemd-run --quiet --unit=holder flock --exclusive {HOST_LOCK} sleep 3600",
    )
    until(lambda: "sleep" in lab.on(HOST, "systemctl", "status", "holder", check=False), 5, "held")
    started = lab.start(POD, "configure")
    until(lambda: len(lab.journal(POD, started)) > 0, 15, "it does not say that it waits")
    (note,) = lab.journal(POD, started)
    assert note["event"] == "note"
    assert "held by" in note["text"]
    assert "flock" in note["text"]
    assert lab.get(POD) == 200
    lab.on(HOST, "systemctl", "stop", "holder")
    lab.follow(POD, started)


def test_apt_waits_for_an_operation(lab: PodLab) -> None:
    started = lab.start(POD, "configure")
    until(lambda: len(lab.journal(POD, started)) > 1, 15, "it does not begin")
    lab.shell(HOST, f"echo 1 >'{freeze_file(POD)}'")
    lab.shell(HOST, "systemctl start --no-block apt-daily.service; sleep 1")
    state = lab.on(HOST, "systemctl", "is-active", "apt-daily.service", check=False).strip()
    lab.shell(HOST, f"echo 0 >'{freeze_file(POD)}'")
    lab.follow(POD, started)
    assert state == "activating", "apt ran beside the operation"
    lab.on(HOST, "systemctl", "stop", "apt-daily.service")


CONTROLLER = """
import sys
from pathlib import Path
from tests.lab.operations.pod_lab import PodLab
lab = PodLab(Path(sys.argv[1]), {"alpha": "one"})
started = lab.start("alpha", "configure")
print(started, flush=True)
lab.follow("alpha", started)
"""


def test_a_controller_that_dies_leaves_the_operation_to_go_on(lab: PodLab) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, str(lab.directory)], stdout=subprocess.PIPE
    ) as controller:
        assert controller.stdout is not None
        started = controller.stdout.readline().decode().strip()
        controller.kill()
    outcome = dispatch.follow(lab.connection(HOST), POD, None, Silent())
    assert outcome.operation == started
    assert "record" in outcome.evidence
    assert lab.get(POD) == 200


def test_a_network_that_is_cut_leaves_the_operation_to_go_on(lab: PodLab) -> None:
    started = lab.start(POD, "configure")
    lab.lab.cut(HOST)
    try:
        time.sleep(20)
    finally:
        lab.lab.heal(HOST)
    lab.connection(HOST).close()
    outcome = lab.follow(POD, started)
    assert "record" in outcome.evidence
    assert lab.get(POD) == 200


def test_a_host_that_reboots_meanwhile_goes_on(lab: PodLab) -> None:
    """No power cut: services stop one by one, and none of that is a failed step."""
    started = lab.start(POD, "configure")
    lab.await_event(POD, started, "start", "files")
    lab.on(HOST, "systemctl", "reboot", check=False)
    lab.connection(HOST).close()
    time.sleep(3)
    until(lambda: is_reached(lab), 90, "it does not come back")
    lab.follow(POD, started)
    events = [line["event"] for line in lab.journal(POD, started)]
    assert "failed" not in events
    until(lambda: lab.get(POD) == 200, 30, "the pod does not serve")


def is_reached(lab: PodLab) -> bool:
    try:
        lab.on(HOST, "true")
    except Refusal:
        lab.connection(HOST).close()
        return False
    return True


def test_a_closed_pod_stays_down_after_a_boot(lab: PodLab) -> None:
    lab.run(POD, "export", final=True)
    assert lab.get(POD) == 503
    lab.lab.kill(HOST)
    lab.lab.boot(HOST)
    until(lambda: lab.get(POD) == 503, 30, "the closed pod does not say so")
    # Wanted by the boot, and then not started: their condition is not met.
    listing = ("systemctl", "list-units", "--no-legend", "pod-alpha-*@*")
    until(lambda: lab.on(HOST, *listing).strip() == "", 60, "a unit of the closed pod runs")
    assert "stays down" in lab.on(HOST, "journalctl", "-b", "-u", "podfleet-recovery")
    lab.run(POD, "configure", reopen=True)
    assert lab.get(POD) == 200
    assert not lab.on(HOST, "ls", str(PodPlaces(POD).stay_down), check=False).startswith("/")
