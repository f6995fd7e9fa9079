"""What an operation's journal says of its steps and their times."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from provision.contract import PodPlaces
from tests.lab.standing import Standing

# The first of these that an operation has is where requests begin to change hands, and the last
# of the others is where both releases are done with it.
FIRST, LAST = ("close", "switch"), "background"


@dataclass(frozen=True)
class Walk:
    """One operation: begin and end of each of its steps, in seconds since 1970."""

    lines: list[dict[str, Any]]

    @property
    def begin(self) -> float:
        return _at(self.lines[0])

    @property
    def end(self) -> float:
        return _at(self.lines[-1])

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    def start_of(self, step: str) -> float:
        return next(_at(line) for line in self._of(step) if line["event"] == "start")

    def end_of(self, step: str) -> float:
        return next(_at(line) for line in self._of(step) if line["event"] == "done")

    def evidence(self, step: str) -> dict[str, Any]:
        done = [line["evidence"] for line in self._of(step) if line["event"] == "done"]
        return done[-1] if done else {}

    def has(self, step: str) -> bool:
        return bool(self._of(step))

    @property
    def switch(self) -> tuple[float, float]:
        """From the first request that another hand gets to the last background job's."""
        first = next(step for step in FIRST if self.has(step))
        return self.start_of(first), self.end_of(LAST)

    def steps(self) -> list[tuple[str, float]]:
        """Each step and its seconds."""
        return [(line["step"], line["seconds"]) for line in self.lines if line["event"] == "done"]

    def _of(self, step: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("step") == step]


def walk(fleet: Standing, host: str, pod: str, operation: str) -> Walk:
    """The journal of one operation as its host has it."""
    path = PodPlaces(pod).operations / operation / "journal.jsonl"
    return Walk([json.loads(line) for line in fleet.on(host, "cat", str(path)).splitlines()])


def last_walk(fleet: Standing, host: str, pod: str) -> Walk:
    """The journal of the newest one."""
    listed = fleet.on(host, "ls", "-t", str(PodPlaces(pod).operations)).split()
    return walk(fleet, host, pod, listed[0])


def _at(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["at"]).timestamp()
