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
from provision.operations.memory import TINY
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
# A release that boots: the same for web, sidekiq and the migrator (seen on real pods: 6-7 s).
BOOT_SECONDS = 7.0
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
    """What the last breaking upgrade held requests for beside copying, migrating and booting:
    draining, closing, going on; else what others saw."""
    for entry in reversed(_watched(places)):
        if entry["order"] != TINY and (moved := _moved(entry)) is not None:
            return max(LEAST_OVERHEAD_SECONDS, float(entry["closed_seconds"]) - moved)
    return OVERHEAD_SECONDS


def boot_seconds(places: PodPlaces) -> float:
    """How long requests waited for the new web's boot in the last upgrade in which they did; else
    what others saw."""
    for entry in reversed(_watched(places)):
        if entry["order"] == TINY:
            moved = _moved(entry)
            beside = 0.0 if moved is None else moved + overhead_seconds(places)
            return max(LEAST_OVERHEAD_SECONDS, float(entry["closed_seconds"]) - beside)
    return BOOT_SECONDS


def _watched(places: PodPlaces) -> list[dict[str, Any]]:
    """Upgrades that were done, and watched from their beginning."""
    return [
        entry
        for entry in read(places)
        if (entry["verb"], entry["outcome"]) == ("upgrade", "done")
        and entry["closed_seconds"] is not None
    ]


def _moved(entry: Mapping[str, Any]) -> float | None:
    """The seconds of copying and migrating in a hold; None where no database was moved in it."""
    known = [entry["copy_seconds"], entry["migrate_seconds"]]
    return None if None in known else sum(map(float, known))
