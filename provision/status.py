"""The state of a fleet as its hosts tell it now: one look at each host, all at once.

`status --json` is a promise to other programs: keys may be added, none is renamed or left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from provision.columns import columns
from provision.contract import RELEASE_ID
from provision.fleet.model import Fleet, Pod
from provision.looking import Seen, look, select
from provision.refused import words_of
from provision.report import Report


@dataclass(frozen=True)
class HostStatus:
    """One host; `platform_level` is None where there is no platform, or no answer."""

    name: str
    reachable: bool
    platform_level: int | None
    # Why it does not answer.
    reason: str | None = None
    disk_free_bytes: int | None = None


@dataclass(frozen=True)
class PodStatus:
    """One pod; `state` is serving, maintenance, degraded, down, absent or unknown."""

    name: str
    host: str
    url: str
    # The running release's version, and its full id; None where none is known.
    release: str | None
    state: str
    # The operation that is under way, else None.
    operation: dict[str, Any] | None
    # The newest one, however it ended.
    last_operation: dict[str, Any] | None = None
    release_id: str | None = None
    drift: tuple[str, ...] = ()
    releases: tuple[dict[str, Any], ...] = ()
    exports: tuple[dict[str, Any], ...] = ()
    # Releases that a red gate refused, and where a rollback leads (None where to none).
    refused: tuple[dict[str, Any], ...] = ()
    way_back: dict[str, Any] | None = None


@dataclass(frozen=True)
class Status:
    """What `status` found."""

    hosts: tuple[HostStatus, ...] = ()
    pods: tuple[PodStatus, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """{"hosts": [{"name", "reachable", "platform_level", …}], "pods": [{"name", "host", "url",
        "release", "state", "operation", …}]}"""
        return {
            "hosts": [asdict(host) for host in self.hosts],
            "pods": [asdict(pod) for pod in self.pods],
        }

    def lines(self) -> list[str]:
        """Two tables, and below them what is not well."""
        hosts = [(h.name, _level(h), _size(h.disk_free_bytes)) for h in self.hosts]
        pods = [
            (p.name, p.state, p.release or "-", p.host, p.url, _under_way(p)) for p in self.pods
        ]
        return [
            *columns(("HOST", "PLATFORM", "DISK FREE"), hosts),
            "",
            *columns(("POD", "STATE", "RELEASE", "HOST", "URL", "OPERATION"), pods),
            *_remarks(self),
        ]


def status(
    fleet: Fleet, report: Report, *, pods: Sequence[str] = (), hosts: Sequence[str] = ()
) -> Status:
    """Asks the hosts of the selected pods; one that does not answer is part of the result."""
    chosen = select(fleet, pods, hosts)
    wanted = dict.fromkeys(pod.host for pod in chosen) if pods else dict.fromkeys(hosts)
    seen = look(fleet, wanted or fleet.hosts, report)
    return Status(
        tuple(_host(one) for one in seen.values()),
        tuple(_pod(pod, seen[pod.host]) for pod in chosen),
    )


def _host(seen: Seen) -> HostStatus:
    if seen.facts is None:
        return HostStatus(seen.host.name, False, None, reason=str(seen.error))
    level = seen.facts.platform.level if seen.facts.platform else None
    return HostStatus(seen.host.name, True, level, disk_free_bytes=seen.facts.disk_free_bytes)


def _pod(pod: Pod, seen: Seen) -> PodStatus:
    if seen.facts is None:
        return PodStatus(pod.name, pod.host, pod.url, None, "unknown", None)
    facts = seen.facts.pods.get(pod.name)
    if facts is None:
        return PodStatus(pod.name, pod.host, pod.url, None, "absent", None)
    release_id = str(facts.record["release_id"]) if facts.record else None
    operation = facts.operation
    last = asdict(operation) if operation else None
    return PodStatus(
        name=pod.name,
        host=pod.host,
        url=pod.url,
        release=version_of(release_id),
        state=facts.state,
        operation=last if operation and not operation.finished else None,
        last_operation=last,
        release_id=release_id,
        drift=tuple(str(drift) for drift in facts.drift),
        releases=facts.releases,
        exports=facts.exports,
        refused=facts.refused,
        way_back=facts.way_back,
    )


def version_of(release_id: str | None) -> str | None:
    """The version that a release id begins with."""
    matched = RELEASE_ID.match(release_id or "")
    return matched["version"] if matched else None


def _level(host: HostStatus) -> str:
    if not host.reachable:
        return "unreachable"
    return "none" if host.platform_level is None else f"level {host.platform_level}"


def _size(count: int | None) -> str:
    return "-" if count is None else f"{count / 1024**3:.1f} GiB"


def _under_way(pod: PodStatus) -> str:
    last = pod.last_operation
    if last is None or last["exit"] == 0:
        return "-"
    if last["finished"]:
        return f"{last['operation']} ended with {last['exit']}"
    return f"{last['operation']}: {last['step'] or 'begins'}"


def _remarks(found: Status) -> Iterable[str]:
    for host in found.hosts:
        if host.reason:
            yield host.reason
    for pod in found.pods:
        yield from (f"pod {pod.name}: {drift}" for drift in pod.drift)
        for kind, archives in (("release", pod.releases), ("export", pod.exports)):
            yield from (f"pod {pod.name}: {kind} {_archive(each)}" for each in archives)
        yield from (f"pod {pod.name}: {words_of(each)}" for each in pod.refused)
        if pod.way_back:
            yield f"pod {pod.name}: {_way_back(pod.way_back)}"


def _way_back(way: dict[str, Any]) -> str:
    how = "at once, its web waits" if way["is_warm"] else "within seconds, its web boots again"
    return f"rollback leads to {way['release_id']} with the database {way['database']}, {how}"


def _archive(archive: dict[str, Any]) -> str:
    date = f", {time.strftime('%Y-%m-%d', time.gmtime(archive['at']))}" if "at" in archive else ""
    name = archive.get("id") or archive.get("name")
    return f"{name}, {archive['bytes'] / 1024**2:.0f} MiB{date}"
