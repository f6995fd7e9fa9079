"""Looking at a fleet: which of its pods are meant, and what their hosts say, one call a host.

A host that does not answer is part of what is seen; whoever needs it refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from provision.errors import PodfleetError, Refusal
from provision.fleet.model import Fleet, Host, Pod
from provision.hosts.connection import Connection
from provision.hosts.facts import HostFacts, OperationFacts, PodFacts, gather
from provision.hosts.providers import connect
from provision.report import Report


@dataclass(frozen=True)
class Seen:
    """A host as it was reached: the connection and its facts, or why there are none."""

    host: Host
    connection: Connection | None = None
    facts: HostFacts | None = None
    error: PodfleetError | None = None


def look(fleet: Fleet, hosts: Iterable[str], report: Report) -> dict[str, Seen]:
    """Ask the hosts, all at once; one that does not answer is part of the result."""
    wanted = [fleet.hosts[name] for name in hosts]

    def seen(host: Host) -> Seen:
        try:
            connection = connect(fleet, host, report)
            return Seen(host, connection, gather(connection))
        except PodfleetError as error:
            return Seen(host, error=error)

    with ThreadPoolExecutor(max_workers=min(32, len(wanted) or 1)) as threads:
        return {one.host.name: one for one in threads.map(seen, wanted)}


def select(fleet: Fleet, pods: Sequence[str], hosts: Sequence[str]) -> tuple[Pod, ...]:
    """The fleet's pods of these names on these hosts; an unknown name is refused, and names of
    both that have nothing to do with one another."""
    _refuse_unknown(fleet, "pod", pods, fleet.pods)
    _refuse_unknown(fleet, "host", hosts, fleet.hosts)
    named = [pod for pod in fleet.pods.values() if not pods or pod.name in pods]
    chosen = tuple(pod for pod in named if not hosts or pod.host in hosts)
    if pods and hosts and not chosen:
        what = f"pod {named[0].name} is on host {named[0].host}, and not on {', '.join(hosts)}"
        raise Refusal(str(fleet.file), what, "Leave out --pod or --host.")
    return chosen


def hosts_of(fleet: Fleet, pods: Sequence[Pod], named: Sequence[str]) -> list[str]:
    """The hosts that a run for these pods has to do with: the one that watches is among them."""
    watching = [fleet.monitoring.host] if fleet.monitoring and not named else []
    if not pods:
        return list(named or fleet.hosts)
    return list(dict.fromkeys([*(pod.host for pod in pods), *watching]))


def awaited(pods: Iterable[Pod], seen: Mapping[str, Seen]) -> Iterable[tuple[Pod, OperationFacts]]:
    """The pods with an operation under way, and that operation."""
    for pod in pods:
        facts = seen[pod.host].facts
        operation = facts.pods[pod.name].operation if facts and pod.name in facts.pods else None
        if operation and not operation.finished:
            yield pod, operation


def running_release(facts: PodFacts | None) -> str | None:
    """The release id that the host recorded for a launched pod."""
    return str(facts.record["release_id"]) if facts and facts.record else None


def _refuse_unknown(
    fleet: Fleet, kind: str, names: Sequence[str], known: Mapping[str, object]
) -> None:
    if unknown := [name for name in names if name not in known]:
        raise Refusal(
            str(fleet.file),
            f"it declares no {kind} {', '.join(unknown)}",
            f"Name one of: {', '.join(known)}.",
        )
