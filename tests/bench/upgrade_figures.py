"""One upgrade or rollback under load: its figures, and what is printed beside them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provision.columns import columns
from provision.operations.switching import WATCHED_SECONDS
from tests.bench.table import Figure
from tests.bench.walks import Walk
from tests.load.summary import Summary

GATE_SECONDS = 10
COUNTS = ("RUN", "STRETCH", "COUNTS BY KIND", "FAILED", "SLOWEST", "LONGEST SILENCE")
RESTART = "restart in place"


@dataclass(frozen=True)
class Run:
    """One upgrade or rollback under load, as its journal, its ledger and its clients saw it."""

    name: str
    walk: Walk
    entry: Mapping[str, Any]
    command_seconds: float
    before: Summary
    during: Summary
    switch: Summary
    memory: Mapping[str, float] = field(default_factory=dict)

    @property
    def whole(self) -> float:
        """Without the gates' waiting."""
        return self.walk.seconds - GATE_SECONDS

    @property
    def slower(self) -> float:
        return self.during.slowest - self.before.slowest


# Figures.


def upgraded(run: Run, restart: tuple[Summary, float], lost: int) -> list[Figure]:
    theirs, silence = restart
    is_prompt = run.entry["path"] != "breaking" and run.entry["order"] != "tiny"
    return [
        Figure(f"{run.name}: failed", run.during.failed, 0, RESTART, theirs.failed, unit="req"),
        Figure(f"{run.name}: lost or doubled writes", lost, 0, unit="rows"),
        Figure(
            f"{run.name}: slowest, above the slowest of the minute before",
            run.slower,
            0.5 if is_prompt else None,
            f"{RESTART}: no answer at all",
            silence,
        ),
        Figure(f"{run.name}: longest silence", run.during.longest_gap, None, RESTART, silence),
        Figure(
            f"{run.name}: whole, without the gates' waiting",
            run.whole,
            30.0 if is_prompt else None,
        ),
        Figure(f"{run.name}: the command", run.command_seconds),
        *_inside(run),
        own_memory(run.name, run.memory),
    ]


def _inside(run: Run) -> list[Figure]:
    """How much of the load was under way while requests changed hands."""
    return [
        Figure(
            f"{run.name}: POSTs inside the switch", run.switch.posts, 20, unit="", is_least=True
        ),
        Figure(
            f"{run.name}: uploads inside the switch", run.switch.uploads, 5, unit="", is_least=True
        ),
    ]


def held(run: Run, restart: tuple[Summary, float]) -> list[Figure]:
    """How long requests waited in a breaking upgrade, and how well that was known beforehand."""
    closed, predicted = float(run.entry["closed_seconds"]), float(run.entry["predicted_seconds"])
    copy = float(run.entry["copy_seconds"] or 0)
    factor = max(closed, predicted) / max(min(closed, predicted), 0.01)
    return [
        Figure(f"{run.name}: held, by the ledger", closed, 1.5 + copy, RESTART, restart[1]),
        Figure(f"{run.name}: held, as the load saw it", run.switch.longest_gap, 1.5 + copy),
        Figure(f"{run.name}: of it, the copy", copy),
        Figure(f"{run.name}: predicted", predicted),
        Figure(f"{run.name}: predicted to a factor of", factor, 2.0, unit="x"),
        Figure(
            f"{run.name}: database", float(run.entry["database_bytes"] or 0) / 1e6, None, unit="MB"
        ),
    ]


def rolled_back(run: Run, goal: float) -> list[Figure]:
    until = run.walk.end_of("switch") - run.walk.begin
    # Where nothing was closed, the step goes on watching after the release before serves.
    until -= 0 if run.entry["path"] == "breaking" else WATCHED_SECONDS
    return [
        Figure(f"{run.name}: failed", run.during.failed, 0, unit="req"),
        Figure(f"{run.name}: from its begin until the release before serves", until, goal),
        Figure(f"{run.name}: closed, by the ledger", float(run.entry["closed_seconds"] or 0), goal),
        Figure(f"{run.name}: longest silence", run.during.longest_gap),
        Figure(f"{run.name}: slowest, above the slowest before", run.slower),
        Figure(f"{run.name}: whole, without the gates' waiting", run.whole),
        *_inside(run),
        own_memory(run.name, run.memory),
    ]


def beside(what: str, restart: tuple[Summary, float]) -> Figure:
    return Figure(what, restart[1], None, "its failed requests", restart[0].failed)


def own_memory(name: str, found: Mapping[str, float]) -> Figure:
    _print([f"{name}: memory at the peak: {dict(found)}"])
    return Figure(f"{name}: podfleet's own memory", found.get("mb", 0.0), 80.0, unit="MB")


# What is printed beside the table, as it comes.


def say(name: str, stretches: Mapping[str, Summary]) -> None:
    rows = [
        (
            name,
            stretch,
            ", ".join(f"{kind} {count}" for kind, count in found.counts.items()),
            str(found.failed),
            f"{found.slowest:.2f} s {found.slowest_what}",
            f"{found.longest_gap:.2f} s",
        )
        for stretch, found in stretches.items()
    ]
    _print(columns(COUNTS, rows))
    for stretch, found in stretches.items():
        if found.failures:
            _print([f"{name}, {stretch}: {found.failures}"])


def say_steps(run: Run) -> None:
    steps = ", ".join(f"{step} {seconds:.2f}" for step, seconds in run.walk.steps())
    machine = f"{run.name}: load of this machine, by the minute: {os.getloadavg()}"
    ledger = f"{run.name}: ledger: {dict(run.entry)}"
    _print([f"{run.name}: steps: {steps}", ledger, machine])


def _print(lines: list[str]) -> None:
    print("\n".join(lines), file=sys.stderr, flush=True)
