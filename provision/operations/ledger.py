"""The ledger of a pod: one JSON line an upgrade or rollback, what was predicted and what it cost.

It outlives the operations, which are pruned. Order is the order of writing: a clock that was set
back in between changes nothing. Format 1 of a line has the keys of `EMPTY`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.operations.journal import whole
from provision.writing import sync_directory

FORMAT = 1
# What is not said of an operation is null, none or nothing: readers find every key.
EMPTY: Mapping[str, Any] = {
    "format": FORMAT,
    "at": None,
    "operation": None,
    "verb": None,
    "from": None,
    "to": None,
    "path": None,
    "order": None,
    "predicted_seconds": None,
    "closed_seconds": None,
    "copy_seconds": None,
    "migrate_seconds": None,
    "database_bytes": None,
    "seconds": None,
    "outcome": None,
    "gate": None,
    "rows_since": {},
    "jobs_aside": 0,
}

# FILE_COPY on two cores: 960 MB took 1.5 s on a bare machine, 1.6-2.9 s beside a running pod.
COPY_BYTES_PER_SECOND = 400e6
# Of a hold, what is neither copying nor migrating.
OVERHEAD_SECONDS = 0.6
LEAST_OVERHEAD_SECONDS = 0.2
# A copy of less takes as long as making a database does: it says nothing about bytes.
_TELLING_BYTES = 64 << 20


def _now() -> datetime:
    return datetime.now(UTC)


def append(places: PodPlaces, entry: Mapping[str, Any], now: Callable[[], datetime] = _now) -> None:
    """Writes an entry, on the disk when this returns; written again, it takes the place of the
    same operation's earlier one."""
    path = Path(places.ledger)
    line = {**EMPTY, "at": now().isoformat(timespec="seconds"), **entry}
    is_new = not path.exists()
    opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(opened, "r+b") as file:
        # After what is whole: the end of a line that a power cut tore is no line.
        file.truncate(sum(len(raw) for raw in whole(file.read())))
        file.seek(0, os.SEEK_END)
        file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync_directory(path.parent)


def read(places: PodPlaces) -> list[dict[str, Any]]:
    """One entry an operation, in the order in which they were first written."""
    path = Path(places.ledger)
    found: dict[str, dict[str, Any]] = {}
    for number, raw in enumerate(whole(path.read_bytes()) if path.exists() else ()):
        entry = {**EMPTY, **json.loads(raw)}
        found[str(entry["operation"] or number)] = entry
    return list(found.values())


def copy_rate(places: PodPlaces) -> float:
    """Bytes a second that the last copy with something to tell took, else what others saw."""
    for entry in reversed(read(places)):
        size, seconds = entry["database_bytes"] or 0, entry["copy_seconds"] or 0
        if size >= _TELLING_BYTES and seconds > 0:
            return float(size / seconds)
    return COPY_BYTES_PER_SECOND


def overhead_seconds(places: PodPlaces) -> float:
    """What the last breaking upgrade held requests for beside copying and migrating: draining,
    closing, going on; else what others saw."""
    for entry in reversed(read(places)):
        known = [entry[key] for key in ("closed_seconds", "copy_seconds", "migrate_seconds")]
        if entry["verb"] == "upgrade" and entry["outcome"] == "done" and None not in known:
            closed, copied, migrated = map(float, known)
            return max(LEAST_OVERHEAD_SECONDS, closed - copied - migrated)
    return OVERHEAD_SECONDS
