"""The verb rollback: pods go back to the release before, each on its own host.

Afterwards the fleet file names the release that runs again, so that `plan` asks for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provision.errors import Refusal, UsageError
from provision.fleet.model import Fleet, Pod
from provision.history import entry_of, seconds
from provision.hosts.connection import Connection
from provision.hosts.facts import gather
from provision.hosts.providers import connect
from provision.naming import name_release
from provision.operations.dispatch import run_operation
from provision.plan import running_release, select
from provision.report import Report


@dataclass(frozen=True)
class RolledBack:
    """One pod that runs its release before again; `entry` is its line of the ledger."""

    pod: str
    release_id: str
    entry: Mapping[str, Any]

    def lines(self) -> list[str]:
        closed = seconds(self.entry.get("closed_seconds"))
        said = [f"pod {self.pod}: runs {self.release_id} again; closed for {closed}"]
        if rows := self.entry.get("rows_since"):
            counted = ", ".join(f"{count} in {table}" for table, count in sorted(rows.items()))
            said.append(f"  rows written since stay in the newer database: {counted}")
        if jobs := self.entry.get("jobs_aside"):
            said.append(f"  {jobs} queued jobs that may refer to them were put aside")
        return said

    def to_json(self) -> dict[str, Any]:
        return {"pod": self.pod, "release_id": self.release_id, **self.entry}


def roll_back(
    fleet: Fleet, report: Report, *, pods: Sequence[str] = (), dry_run: bool = False
) -> list[RolledBack]:
    """Takes the named pods back, one after the other; a fleet of one pod needs no name."""
    chosen = select(fleet, pods, ())
    if not pods and len(chosen) != 1:
        do = f"Name one or more of: {', '.join(fleet.pods)}."
        raise UsageError("--pod", "it is not said which pods shall go back", do)
    if dry_run:
        return [_foreseen(fleet, pod, report) for pod in chosen]
    return [_one(fleet, pod, report) for pod in chosen]


def _one(fleet: Fleet, pod: Pod, report: Report) -> RolledBack:
    host = fleet.hosts[pod.host]
    connection = connect(fleet, host, report)
    words = {"gate_seconds": fleet.upgrade.gate, "host_memory_mb": host.memory // 1024**2}
    with report.step("rollback", f"pod {pod.name}"):
        done = run_operation(connection, fleet, pod, "rollback", None, words, report)
    release_id = _running(connection, pod)
    name_release(fleet, pod, release_id.rpartition("-")[0], report)
    return RolledBack(pod.name, release_id, entry_of(connection, pod.name, done.operation))


def _foreseen(fleet: Fleet, pod: Pod, report: Report) -> RolledBack:
    """What runs now: the release before is the host's to know."""
    return RolledBack(pod.name, _running(connect(fleet, fleet.hosts[pod.host], report), pod), {})


def _running(connection: Connection, pod: Pod) -> str:
    release_id = running_release(gather(connection).pods.get(pod.name))
    if release_id is None:
        raise Refusal(f"pod {pod.name}", "it is not launched", "There is nothing to go back to.")
    return release_id
