"""The whole preflight: all hosts at once, each finding told; it changes nothing that stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from provision.errors import PodfleetError
from provision.fleet.model import Fleet, Pod
from provision.hosts.providers import authorities
from provision.looking import Seen, look, select
from provision.preflight.doors import door_findings
from provision.preflight.finding import Finding
from provision.preflight.machine import machine_findings
from provision.preflight.mail import mail_finding
from provision.preflight.names import name_findings
from provision.report import Report


def run_preflight(
    fleet: Fleet, report: Report, *, pods: Sequence[str] = (), hosts: Sequence[str] = ()
) -> list[Finding]:
    """Every finding about the selected pods and their hosts."""
    chosen = select(fleet, pods, hosts)
    wanted = dict.fromkeys(pod.host for pod in chosen)
    seen = look(fleet, wanted, report)

    def found(one: Seen) -> list[Finding]:
        with report.step("preflight", f"host {one.host.name}"):
            mine = [pod for pod in chosen if pod.host == one.host.name]
            return list(_findings(fleet, one, mine))

    with ThreadPoolExecutor(max_workers=16) as threads:
        return [each for findings in threads.map(found, seen.values()) for each in findings]


def _findings(fleet: Fleet, seen: Seen, pods: Sequence[Pod]) -> Iterator[Finding]:
    for pod in pods:
        yield from name_findings(seen.host, pod)
    if seen.connection is None or seen.facts is None:
        yield _unreachable(seen)
        return
    yield from machine_findings(seen.host, seen.facts)
    is_ours = seen.facts.platform is not None
    yield from door_findings(
        seen.host, pods, seen.connection, is_ours=is_ours, authorities=authorities(fleet)
    )
    for pod in pods:
        yield mail_finding(seen.host, pod, seen.connection)


def _unreachable(seen: Seen) -> Finding:
    error = seen.error
    if not isinstance(error, PodfleetError):
        raise RuntimeError(f"host {seen.host.name} has neither facts nor an error")
    return Finding("SSH", seen.host.name, None, "failed", error.what, error.do)


def has_failed(findings: Iterable[Finding]) -> bool:
    return any(each.outcome == "failed" for each in findings)


def preflight_lines(findings: Sequence[Finding]) -> list[str]:
    """A line a finding, and how many failed."""
    failed = sum(each.outcome == "failed" for each in findings)
    end = f"{failed} of {len(findings)} checks failed." if failed else "Fit for launch."
    return [*(each.line() for each in findings), end]
