"""Each finding of the preflight as a case: what is so, and what is said and advised."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from provision.fleet.model import Host, Pod
from provision.hosts.facts import HostFacts
from provision.preflight.finding import Finding
from provision.preflight.machine import machine_findings
from provision.preflight.names import _compare
from provision.preflight.running import has_failed, preflight_lines

GIB = 1024**3
HOST = Host(name="vps", address="203.0.113.10", memory="2 GiB")
FACTS = HostFacts(
    debian="13",
    architecture="x86_64",
    python="3.13",
    memory_bytes=int(1.93 * GIB),
    disk_free_bytes=20 * GIB,
    clock=0.0,
    platform=None,
    pods={},
)


def findings(**changed: object) -> dict[str, Finding]:
    facts = replace(FACTS, **{"clock": time.time(), **changed})  # type: ignore[arg-type]
    return {each.check: each for each in machine_findings(HOST, facts)}


def test_a_fit_host_passes() -> None:
    found = findings()
    assert {each.outcome for each in found.values()} == {"passed"}
    assert not has_failed(found.values())
    assert preflight_lines(list(found.values()))[-1] == "Fit for launch."


@pytest.mark.parametrize(
    ("changed", "check", "said", "advice"),
    [
        ({"debian": "12"}, "Debian release", "Debian 12", "Install Debian 13"),
        ({"debian": ""}, "Debian release", "not Debian", "Install Debian 13"),
        ({"architecture": "riscv64"}, "architecture", "riscv64", "x86_64 or aarch64"),
        ({"memory_bytes": GIB}, "memory", "1.00 GiB seen, 2.00 GiB", 'memory = "1024 MiB"'),
        ({"disk_free_bytes": GIB}, "disk", "1.0 GiB free", "Make room: 4 GiB"),
        ({"clock": time.time() - 7200}, "clock", "-7", "set-ntp true"),
    ],
)
def test_an_unfit_host_fails_in_that_point_alone(
    changed: dict[str, object], check: str, said: str, advice: str
) -> None:
    found = findings(**changed)
    failed = {name for name, each in found.items() if each.outcome == "failed"}
    assert failed == {check}
    assert said in found[check].evidence
    assert advice in found[check].do
    assert preflight_lines(list(found.values()))[-1].startswith("1 of ")


@pytest.mark.parametrize(
    ("domain", "declared", "outcome", "advice"),
    [
        ("localhost", "127.0.0.1", "passed", ""),
        ("localhost", "203.0.113.10", "failed", "Set its A record to 203.0.113.10"),
        ("localhost", None, "failed", "Remove the A record"),
        ("no-such-name.invalid", "203.0.113.10", "failed", "Set its A record"),
        ("no-such-name.invalid", None, "skipped", ""),
    ],
)
def test_a_name_must_lead_to_its_host(
    domain: str, declared: str | None, outcome: str, advice: str
) -> None:
    pod = Pod.model_construct(name="main", domain=domain, host="vps")
    found = _compare(HOST, pod, socket.AF_INET, declared)
    assert found.outcome == outcome and advice in found.do
    assert domain in found.evidence
