"""Shows an operation's journal while it grows; whoever follows may leave and come back."""

from __future__ import annotations

import json
import time
from pathlib import Path

from provision.errors import NotSafe, Refusal
from provision.operations.commands import unit_properties
from provision.operations.operation import Operation, newest, operations

_LOOK_SECONDS = 0.1
# So long may the unit be neither running nor about to be before we call it given up.
_PATIENCE_SECONDS = 5.0


def follow(pod: str, name: str | None) -> int:
    """Prints the journal's lines, one JSON each, until the verdict; its exit code."""
    operation = _find(pod, name)
    path = operation.journal.path
    seen, idle_since = 0, time.monotonic()
    while True:
        lines = operation.journal.lines() if path.exists() else []
        for line in lines[seen:]:
            print(json.dumps(line, ensure_ascii=False), flush=True)
            if line["event"] == "verdict":
                return int(line["exit"])
        idle_since = time.monotonic() if len(lines) > seen else idle_since
        seen = len(lines)
        _refuse_given_up(operation, idle_since)
        time.sleep(_LOOK_SECONDS)


def _find(pod: str, name: str | None) -> Operation:
    found = newest(pod) if name is None else _named(pod, name)
    if found is None:
        raise Refusal(
            f"pod {pod}", f"has no operation {name or ''}".rstrip(), "See `podfleet status`."
        )
    return found


def _named(pod: str, name: str) -> Operation | None:
    return next((one for one in operations(pod) if one.id == name), None)


def _refuse_given_up(operation: Operation, idle_since: float) -> None:
    if time.monotonic() - idle_since < _PATIENCE_SECONDS:
        return
    unit = operation.places.operation_unit
    state = unit_properties(unit, "ActiveState")["ActiveState"]
    if state in ("failed", "inactive") and Path(operation.directory).exists():
        # The verdict may have come between the two looks.
        if any(line["event"] == "verdict" for line in operation.journal.lines()):
            return
        raise NotSafe(
            f"pod {operation.pod}",
            f"{operation.verb} {operation.id} has no verdict, and its unit does not run",
            f"See `journalctl -u {unit}` on the host; `systemctl start {unit}` lets it go on.",
        )
