"""What the monitor, which may read nothing of an operation, is told of each pod: a file of facts.

Written by root when an operation begins and ends, at boot, and when something is pruned; gone with
the pod. No secret is in it, and whether it can be written never holds an operation up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provision.contract import FACTS, PodPlaces
from provision.errors import Exit
from provision.operations import database, ledger
from provision.operations.journal import Progress
from provision.operations.operation import Operation, newest, operations, read_record, state_of
from provision.writing import write_atomically

FORMAT = 1
_CANNOT = (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError)


def refresh(places: PodPlaces) -> None:
    """The facts as they are now; of a pod that is not launched there are none."""
    try:
        _refresh(places)
    except _CANNOT as error:
        told = f"pod {places.name}: its monitor is told nothing new: {type(error).__name__} {error}"
        print(told, file=sys.stderr)


def path_of(places: PodPlaces) -> Path:
    return Path(FACTS) / f"{places.name}.json"


def _refresh(places: PodPlaces) -> None:
    record, path = read_record(places), path_of(places)
    if record is None:
        path.unlink(missing_ok=True)
        return
    content = json.dumps(facts(places, record, _before(path)), indent=1, sort_keys=True)
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    # Whoever ran us may have a umask that lets nobody in.
    path.parent.chmod(0o755)
    write_atomically(path, content.encode() + b"\n", mode=0o644)


def facts(
    places: PodPlaces, record: Mapping[str, Any], before: Mapping[str, Any]
) -> dict[str, Any]:
    """All of them; what is not to be found out now, or was pruned, is as it was before."""
    last = newest(places.name)
    live = _live_database(record, last)
    return {
        "format": FORMAT,
        "pod": places.name,
        "domain": record["domain"],
        "release": record["release"],
        "release_id": record["release_id"],
        "database": live,
        "closed": bool(record.get("is_closed")) or Path(places.maintenance_flag).exists(),
        "operation": _under_way(last),
        "operations": {**_known(before), **_ended(operations(places.name))},
        "export": _newest_export(places) or before.get("export"),
        "safety_copies": _safety_copies(places, live, before),
        "upgrade": _last_upgrade(places),
    }


def _live_database(record: Mapping[str, Any], last: Operation | None) -> str:
    """Between an upgrade's switch and its verdict the record still names the one before, which is
    closed: the monitor would take it for one that is away."""
    state = state_of(last) if last else Progress()
    if state.verdict is None and not state.is_turned and "switch" in state.done:
        found = state.done.get("preflight") or {}
        return str(found.get("to_database") or found.get("database") or record["database"])
    return str(record["database"])


def _before(path: Path) -> dict[str, Any]:
    """A pod's old operations are pruned: the file itself is what remembers them."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _known(before: Mapping[str, Any]) -> dict[str, Any]:
    found = before.get("operations")
    return found if isinstance(found, dict) else {}


def _under_way(last: Operation | None) -> dict[str, Any] | None:
    """The operation that has no verdict yet; there is at most one, the newest."""
    if last is None or state_of(last).verdict is not None:
        return None
    return {"id": last.id, "verb": last.verb, "begun_at": last.request["at"]}


def _ended(all_of_them: Iterable[Operation]) -> dict[str, Any]:
    """The last of each verb that has a verdict; a rehearsal is no upgrade."""
    found = {}
    for one in all_of_them:
        state = state_of(one)
        if state.verdict is not None and not one.parameters.get("rehearse"):
            found[one.verb] = _end_of(state)
    return found


def _end_of(state: Progress) -> dict[str, Any]:
    verdict = state.verdict or {}
    return {"at": verdict["at"], "ok": verdict["exit"] == Exit.DONE}


def _newest_export(places: PodPlaces) -> dict[str, Any] | None:
    """Of those that are whole: one that is being written has another name."""
    directory = Path(places.exports)
    if not directory.is_dir():
        return None
    found = [path.stat() for path in directory.glob("*.tar.zst") if not path.name.startswith(".")]
    newest_one = max(found, key=lambda one: one.st_mtime, default=None)
    if newest_one is None:
        return None
    at = datetime.fromtimestamp(newest_one.st_mtime, UTC).isoformat(timespec="seconds")
    return {"at": at, "bytes": newest_one.st_size}


def _safety_copies(places: PodPlaces, live: str, before: Mapping[str, Any]) -> int | None:
    """PostgreSQL may be away, as it is when a host boots."""
    try:
        found = database.of_pod(places)
    except (OSError, subprocess.SubprocessError):
        kept = before.get("safety_copies")
        return kept if isinstance(kept, int) else None
    # A word behind the number: a copy for some moment's use.
    return sum(name != live and name.rpartition("_")[2].isdigit() for name in found)


def _last_upgrade(places: PodPlaces) -> dict[str, Any] | None:
    """What the newest upgrade that came to its end cost, beside what was predicted."""
    for entry in reversed(ledger.read(places)):
        if entry["verb"] == "upgrade" and entry["outcome"] == "done":
            return {key: entry[key] for key in ("at", "predicted_seconds", "closed_seconds")}
    return None
