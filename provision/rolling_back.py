"""The verb rollback: pods go back to the release before, each on its own host.

Afterwards the fleet file names the release that runs again, so that `plan` asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provision.errors import Refusal, Refusals, UsageError
from provision.fleet.model import Fleet, Pod
from provision.history import entry_of, seconds
from provision.hosts.connection import Connection
from provision.hosts.facts import gather
from provision.looking import Seen, look, running_release, select
from provision.naming import name_release
from provision.operations.dispatch import run_operation
from provision.report import Report
from provision.waves import Result, wave


@dataclass(frozen=True)
class RolledBack:
    """One pod and the release before; `entry` is the ledger's line, None in a dry run."""

    running: str
    before: str
    entry: Mapping[str, Any] | None = None

    def lines(self, pod: str) -> list[str]:
        if self.entry is None:
            return [f"pod {pod}: {self.running} would go back to {self.before}"]
        closed = seconds(self.entry.get("closed_seconds"))
        said = [f"pod {pod}: runs {self.before} again; closed for {closed}"]
        if rows := self.entry.get("rows_since"):
            counted = ", ".join(f"{count} in {table}" for table, count in sorted(rows.items()))
            said.append(f"  rows written since stay in the newer database: {counted}")
        if jobs := self.entry.get("jobs_aside"):
            said.append(f"  {jobs} queued jobs that may refer to them were put aside")
        return said


Outcome = Result[Pod, RolledBack]


def roll_back(
    fleet: Fleet, report: Report, *, pods: Sequence[str] = (), dry_run: bool = False
) -> list[Outcome]:
    """Takes the named pods back, some at once; a fleet of one pod needs no name.

    Raises before anything was begun; afterwards a red is part of the outcomes.
    """
    chosen = select(fleet, pods, ())
    if not pods and len(chosen) != 1:
        do = f"Name one or more of: {', '.join(fleet.pods)}."
        raise UsageError("--pod", "it is not said which pods shall go back", do)
    seen = look(fleet, dict.fromkeys(pod.host for pod in chosen), report)
    if errors := [one.error for one in seen.values() if one.error]:
        raise Refusals(errors)
    ways = {pod.name: _way_back(pod, seen[pod.host]) for pod in chosen}
    if dry_run:
        return [Result(pod, made=ways[pod.name]) for pod in chosen]
    return wave(
        chosen,
        lambda pod: _one(fleet, pod, seen[pod.host], ways[pod.name], report),
        parallel=fleet.upgrade.parallel,
        let_go=lambda: _let_go(seen.values()),
    )


def outcome_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """What became of each pod; errors are told elsewhere."""
    told = [line for one in outcomes if one.made for line in one.made.lines(one.part.name)]
    left = [one.part.name for one in outcomes if not one.was_attempted]
    return [*told, *([f"Not attempted: {', '.join(left)}."] if left else [])]


def outcome_json(one: Outcome) -> dict[str, Any]:
    """One pod of `rollback --json`."""
    told = dict(one.made.entry or {}) if one.made else {}
    if one.error and one.error.operation:
        told = {"operation": one.error.operation}
    foreseen = {"from": one.made.running, "to": one.made.before} if one.made else {}
    return {
        **told,
        **foreseen,
        "pod": one.part.name,
        "error": str(one.error) if one.error else None,
    }


def _way_back(pod: Pod, seen: Seen) -> RolledBack:
    """What runs, and what ran before; the host knows whether all of that is still there."""
    facts = seen.facts.pods.get(pod.name) if seen.facts else None
    running = running_release(facts)
    if facts is None or facts.record is None or running is None:
        raise Refusal(f"pod {pod.name}", "it is not launched", "There is nothing to go back to.")
    previous = facts.record.get("previous")
    if not previous:
        what = f"{running} is the first release that ran here: there is none before"
        do = f"To go to another one, run `podfleet upgrade --to VERSION --pod {pod.name}`."
        raise Refusal(f"pod {pod.name}", what, do)
    return RolledBack(running, str(previous["release_id"]))


def _one(fleet: Fleet, pod: Pod, seen: Seen, way: RolledBack, report: Report) -> RolledBack:
    connection = seen.connection
    assert connection is not None
    words = {"gate_seconds": fleet.upgrade.gate, "host_memory_mb": seen.host.memory // 1024**2}
    with report.step("rollback", f"pod {pod.name}"):
        done = run_operation(connection, fleet, pod, "rollback", None, words, report)
    running = _running(connection, pod) or way.before
    name_release(fleet, pod, running.rpartition("-")[0], report)
    return RolledBack(way.running, running, entry_of(connection, pod.name, done.operation))


def _running(connection: Connection, pod: Pod) -> str | None:
    return running_release(gather(connection).pods.get(pod.name))


def _let_go(seen: Iterable[Seen]) -> None:
    for one in seen:
        if one.connection:
            one.connection.close()
