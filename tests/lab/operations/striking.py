"""Strikes an operation at the start of each of its steps: by a true power cut, by kill -9."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from provision.contract import PodPlaces
from tests.lab.operations import freezer
from tests.lab.operations.freezer import freeze_file
from tests.lab.operations.pod_lab import PodLab

FREEZER = PurePosixPath("/usr/local/lib/freezer.py")
UNIT = PurePosixPath("/etc/systemd/system/freezer.service")
SERVICE = """[Unit]
Description=Freezes an operation at each step (a test's own)
Before=podfleet-recovery.service

[Service]
ExecStart=/usr/bin/python3 -I {freezer} {pod} {verb}
CPUSchedulingPolicy=fifo
CPUSchedulingPriority=10

[Install]
WantedBy=multi-user.target
"""
Strike = Callable[[PodLab, str], None]


def watch(lab: PodLab, pod: str, verb: str) -> None:
    """From now on, and after each boot, the pod's operation is frozen where a step begins."""
    host = lab.host_of(pod)
    content = SERVICE.format(freezer=FREEZER, pod=pod, verb=verb).encode()
    lab.connection(host).send_file(Path(freezer.__file__), FREEZER)
    lab.connection(host).send_file(content, UNIT)
    lab.shell(host, "systemctl daemon-reload; systemctl enable --quiet --now freezer; sync")


def watch_no_more(lab: PodLab, pod: str) -> None:
    lab.on(lab.host_of(pod), "systemctl", "disable", "--quiet", "--now", "freezer.service")


def cut_power(lab: PodLab, pod: str) -> None:
    lab.lab.kill(lab.host_of(pod))
    lab.lab.boot(lab.host_of(pod))


def kill_minus_nine(lab: PodLab, pod: str) -> None:
    unit, file = PodPlaces(pod).operation_unit, freeze_file(pod)
    # A frozen process dies all the same; where its control group stays, it is thawed.
    thaw = f"if [ -e '{file}' ]; then echo 0 >'{file}'; fi"
    lab.shell(lab.host_of(pod), f"systemctl kill --kill-whom=main -s KILL {unit}; {thaw} || true")


def await_frozen_or_verdict(lab: PodLab, pod: str, operation: str) -> str | None:
    """The step at which it is frozen; None when it has ended well."""
    deadline = time.monotonic() + 120
    script = f'cat "{freeze_file(pod)}" 2>/dev/null || echo; tail -n 1 "$1"'
    path = str(PodPlaces(pod).operations / operation / "journal.jsonl")
    while time.monotonic() < deadline:
        said = lab.on(lab.host_of(pod), "sh", "-c", script, "look", path, check=False)
        frozen, _, raw = said.partition("\n")
        last = json.loads(raw) if raw.startswith("{") and raw.endswith("}\n") else {"event": None}
        if last["event"] == "verdict":
            assert last["exit"] == 0, last["text"]
            return None
        if frozen == "1" and last["event"] == "start":
            return str(last["step"])
        time.sleep(0.1)
    raise AssertionError(f"neither frozen nor done: {lab.journal(pod, operation)[-3:]}")
