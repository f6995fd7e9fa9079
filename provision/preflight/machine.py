"""Preflight of a host by what it says of itself: Debian, memory, disk, clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from provision.contract import PLATFORM_LEVEL
from provision.errors import Refusal
from provision.fleet.model import Host
from provision.hosts.facts import HostFacts
from provision.preflight.finding import Finding, Outcome

DEBIAN = "13"
ARCHITECTURES = ("x86_64", "aarch64")
# A release, its successor and a database copy of a small pod.
LEAST_DISK_BYTES = 4 * 1024**3
# What the kernel keeps of a machine's memory for itself, at most.
KERNEL_SHARE = 0.12
# Signed deliveries are refused when their date is an hour off; certificates sooner.
MOST_CLOCK_SECONDS = 30


def machine_findings(host: Host, facts: HostFacts) -> Iterator[Finding]:
    """One finding for each of the host's own properties; that it answered proves root."""
    yield Finding("root", host.name, None, "passed", "commands run as root")
    for check, judge in _CHECKS:
        complaint, evidence = judge(host, facts)
        outcome: Outcome = "failed" if complaint else "passed"
        yield Finding(check, host.name, None, outcome, evidence, complaint)


def unfit(host: Host, facts: HostFacts, *, is_new: bool) -> Iterator[Refusal]:
    """Why nothing may be done to a host: what no platform run can mend.

    The disk counts only where something new comes onto it; the clock is the platform's to set.
    """
    never = {"clock"} if is_new else {"clock", "disk"}
    for finding in machine_findings(host, facts):
        if finding.outcome == "failed" and finding.check not in never:
            yield Refusal(
                f"host {host.name}",
                f"{finding.check}: {finding.evidence}",
                f"{finding.do} Then run podfleet up again.",
            )
    if refusal := too_new(host, facts):
        yield refusal


def too_new(host: Host, facts: HostFacts) -> Refusal | None:
    """A platform that another admin's newer podfleet made: this one would take it back."""
    if facts.platform is None or facts.platform.level <= PLATFORM_LEVEL:
        return None
    what = f"its platform has level {facts.platform.level}, and this podfleet knows "
    do = "A newer podfleet made it: take that one, and run the same command again."
    return Refusal(f"host {host.name}", f"{what}{PLATFORM_LEVEL} at most", do)


def _debian(host: Host, facts: HostFacts) -> tuple[str, str]:
    seen = f"Debian {facts.debian}" if facts.debian else "not Debian"
    return ("" if facts.debian == DEBIAN else f"Install Debian {DEBIAN} on it."), seen


def _architecture(host: Host, facts: HostFacts) -> tuple[str, str]:
    known = facts.architecture in ARCHITECTURES
    return ("" if known else f"Take a server of {' or '.join(ARCHITECTURES)}."), facts.architecture


def _memory(host: Host, facts: HostFacts) -> tuple[str, str]:
    seen, declared = facts.memory_bytes, host.memory
    evidence = f"{seen / 1024**3:.2f} GiB seen, {declared / 1024**3:.2f} GiB declared"
    if seen >= declared * (1 - KERNEL_SHARE):
        return "", evidence
    return f'Write memory = "{seen // 1024**2} MiB", or give the server more.', evidence


def _disk(host: Host, facts: HostFacts) -> tuple[str, str]:
    evidence = f"{facts.disk_free_bytes / 1024**3:.1f} GiB free"
    if facts.disk_free_bytes >= LEAST_DISK_BYTES:
        return "", evidence
    return f"Make room: {LEAST_DISK_BYTES // 1024**3} GiB are needed.", evidence


def _clock(host: Host, facts: HostFacts) -> tuple[str, str]:
    apart = facts.clock - time.time()
    evidence = f"{apart:+.0f} s from this machine's"
    if abs(apart) <= MOST_CLOCK_SECONDS:
        return "", evidence
    return "Set the host's clock (timedatectl set-ntp true), or this machine's.", evidence


_CHECKS: tuple[tuple[str, Callable[[Host, HostFacts], tuple[str, str]]], ...] = (
    ("Debian release", _debian),
    ("architecture", _architecture),
    ("memory", _memory),
    ("disk", _disk),
    ("clock", _clock),
)
