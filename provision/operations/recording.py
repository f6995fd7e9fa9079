"""pod.json, the record: what was last applied to a pod, so that drift from it can be named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provision.operations import keys, monitor_rights, units
from provision.operations.operation import FORMAT, Operation
from provision.operations.presence import RUNTIME
from provision.writing import write_atomically


def record(
    operation: Operation, database: str, previous: dict[str, str] | None = None
) -> dict[str, Any]:
    """Writes the record of what the operation applied; `previous` is the release before, and its
    database: {"release_id", "database"}, kept from one record to the next."""
    pod, old = operation.staged_pod, operation.record or {}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    new = {
        "format": FORMAT,
        "domain": pod["domain"],
        "release": pod["release"],
        "release_id": pod["release_id"],
        "database": database,
        "digest": operation.manifest["digest"],
        "manifest": operation.manifest,
        "keys": keys.entries(operation.places),
        "units": units.managed(operation.places, pod["release_id"]),
        "runtime": RUNTIME.name,
        "launched_at": old.get("launched_at", now),
        "applied_at": now,
        "is_closed": False,
        "previous": previous or old.get("previous"),
    }
    write(operation, new)
    _let_monitor_read(operation, database)
    return {"digest": new["digest"]}


def put_back(operation: Operation, then: dict[str, Any]) -> dict[str, Any]:
    """The record of the release before, as it was then, applied now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write(operation, {**then, "applied_at": now, "is_closed": False})
    _let_monitor_read(operation, str(then["database"]))
    return {"digest": then["digest"]}


def _let_monitor_read(operation: Operation, database: str) -> None:
    """A database has become the live one, or was given tables or columns."""
    if words := monitor_rights.try_to_grant(database):
        operation.note(words)


def write(operation: Operation, new: dict[str, Any]) -> None:
    content = json.dumps(new, indent=1, sort_keys=True).encode() + b"\n"
    write_atomically(Path(operation.places.record), content, mode=0o600)
