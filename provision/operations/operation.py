"""One operation of one pod: its request, its directory, and what its steps share.

operations/<id>/request.json   {"format": 1, "operation", "operator", "parameters", "at",
                                "runtime"}
                stage/         what the controller staged for it; gone after the verdict
                journal.jsonl  see journal.py
                kept/          what a step put aside, to go back to
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from provision.contract import POD_NAME, PodPlaces
from provision.errors import Exit, Refusal
from provision.operations.journal import Journal, Progress, progress
from provision.operations.layout import PodLayout
from provision.render import MANIFEST, read_manifest

FORMAT = 1
REQUEST = "request.json"


@dataclass(frozen=True)
class Operation:
    """Reads what is on the disk; only steps change anything."""

    pod: str
    id: str
    request: dict[str, Any]

    @property
    def places(self) -> PodPlaces:
        return PodPlaces(self.pod)

    @property
    def layout(self) -> PodLayout:
        return PodLayout(self.places)

    @property
    def directory(self) -> Path:
        return Path(self.places.operations) / self.id

    @property
    def verb(self) -> str:
        return str(self.request["operation"])

    @property
    def parameters(self) -> dict[str, Any]:
        found: dict[str, Any] = self.request.get("parameters") or {}
        return found

    @property
    def journal(self) -> Journal:
        return Journal(self.directory, self.id)

    @property
    def stage(self) -> Path:
        return self.directory / "stage"

    @property
    def has_stage(self) -> bool:
        return (self.stage / MANIFEST).exists()

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """stage.json of what the controller staged."""
        return read_manifest(self.stage)

    @property
    def staged_pod(self) -> dict[str, Any]:
        table: dict[str, Any] = self.manifest["pod"]
        return table

    @property
    def release_id(self) -> str:
        """The release that the stage names."""
        return str(self.staged_pod["release_id"])

    @property
    def domain(self) -> str:
        return str(self.staged_pod["domain"])

    def secret(self, name: str) -> bytes:
        return (self.stage / "secrets" / name).read_bytes()

    @property
    def record(self) -> dict[str, Any] | None:
        """pod.json: what was last applied; None before the first launch."""
        return read_record(self.places)

    def note(self, text: str) -> None:
        """A line for whoever follows; it decides nothing."""
        self.journal.write("note", text=text)


def read_record(places: PodPlaces) -> dict[str, Any] | None:
    path = Path(places.record)
    return json.loads(path.read_bytes()) if path.exists() else None


def need_record(operation: Operation) -> dict[str, Any]:
    """The record of a pod that must be there."""
    if record := operation.record:
        return record
    raise Refusal(
        f"pod {operation.pod}", "is not launched on this host", "Run `podfleet up` first."
    )


def refuse_bad_name(pod: str) -> None:
    """A pod's name becomes paths and unit names: nothing else gets that far."""
    if not POD_NAME.match(pod):
        raise Refusal(repr(pod), "is no pod's name", "Use a letter, then letters and digits.")


def operations(pod: str) -> Iterator[Operation]:
    """All operations of a pod, oldest first."""
    directory = Path(PodPlaces(pod).operations)
    if not directory.is_dir():
        return
    for entry in sorted(directory.iterdir(), key=lambda path: path.name):
        if not entry.name.startswith(".") and (entry / REQUEST).exists():
            yield Operation(pod, entry.name, json.loads((entry / REQUEST).read_bytes()))


def newest(pod: str) -> Operation | None:
    return next(reversed(list(operations(pod))), None)


def not_safe(pod: str) -> Operation | None:
    """The operation that could go neither forward nor back, unless one has done well since."""
    for one in reversed(list(operations(pod))):
        ended = (state_of(one).verdict or {}).get("exit")
        if ended in (Exit.DONE, Exit.NOT_SAFE):
            return one if ended == Exit.NOT_SAFE else None
    return None


def unfinished(pod: str) -> Operation | None:
    """The operation that has no verdict yet; there is at most one, the newest."""
    last = newest(pod)
    return last if last and state_of(last).verdict is None else None


def state_of(operation: Operation) -> Progress:
    return progress(operation.journal.lines())


def describe(operation: Operation) -> str:
    """Who runs what since when."""
    step = state_of(operation).current
    who = operation.request.get("operator") or "somebody"
    at = f", at step `{step}`" if step else ""
    return f"{operation.verb} {operation.id}, started by {who} at {operation.request['at']}{at}"
