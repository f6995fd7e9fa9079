"""What an upgrade or a rollback leaves behind whichever way it ends: ledger, refusals, evidence."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provision.errors import Exit
from provision.operations import ledger
from provision.operations.journal import Progress
from provision.operations.operation import Operation, state_of
from provision.writing import write_atomically

EVIDENCE = "evidence"
# What shows that the release itself is at fault, not the moment at which it was tried.
_TELLING = ("rehearse", "expand", "candidate", "move", "switch", "background", "gates")
_LINES = 300


def upgraded(operation: Operation, code: Exit, text: str) -> None:
    """Called before the verdict, and again where a cut came between; a rehearsal leaves nothing."""
    state = state_of(operation)
    if operation.parameters.get("rehearse") or not state.done.get("preflight"):
        return
    new = operation.release_id
    if code == Exit.DONE:
        _write_refused(operation, _others_refused(operation, new))
    else:
        _keep_evidence(operation, new)
        if state.failed in _TELLING:
            _refuse(operation, new, f"{state.failed}: {text}")
    ledger.append(operation.places, _entry(operation, state, code, text, new))


def rolled_back(operation: Operation, code: Exit, text: str) -> None:
    """The same of a rollback: whoever asks for one says that the newer release is no good."""
    state = state_of(operation)
    found = state.done.get("preflight")
    if not found:
        return
    if code == Exit.DONE:
        # What runs again is broken no longer, whatever was seen when it was tried.
        _write_refused(operation, _others_refused(operation, str(found["to"])))
        _refuse(operation, str(found["from"]), "rolled back by hand")
    else:
        _keep_evidence(operation, str(found["to"]))
    ledger.append(operation.places, _entry(operation, state, code, text, str(found["to"])))


def _entry(operation: Operation, state: Progress, code: Exit, text: str, to: str) -> dict[str, Any]:
    found, done = state.done["preflight"], state.done
    moved, rehearsed = done.get("move") or {}, done.get("rehearse") or {}
    left = _left_behind(operation)
    return {
        "format": 1,
        "operation": operation.id,
        "verb": operation.verb,
        "from": found["from"],
        "to": to,
        "path": found["way"]["path"],
        "order": found["way"]["order"],
        "predicted_seconds": rehearsed.get("predicted_seconds", found["way"]["predicted_seconds"]),
        "closed_seconds": _closed(operation),
        "copy_seconds": moved.get("copy_seconds"),
        "migrate_seconds": _sum(
            moved.get("migrations") or (done.get("expand") or {}).get("migrations")
        ),
        "database_bytes": found["way"]["database_bytes"],
        "seconds": _seconds(operation),
        "outcome": _outcome(state, code),
        "gate": f"{state.failed}: {text}" if state.failed else None,
        "rows_since": left.get("rows_since", {}),
        "jobs_aside": left.get("jobs_aside", 0),
    }


def _closed(operation: Operation) -> float | None:
    """The longest time in which nobody was answered, on the way there or back."""
    known = [found.get("closed_seconds") for found in _evidence(operation)]
    return max((seconds for seconds in known if seconds is not None), default=None)


def _outcome(state: Progress, code: Exit) -> str:
    if code == Exit.DONE:
        return "done"
    if code == Exit.NOT_SAFE:
        return "not safe"
    return "rolled back" if "switch" in state.before else "refused"


def _left_behind(operation: Operation) -> Mapping[str, Any]:
    """What a way back put aside, as its journal says."""
    told = reversed(_evidence(operation))
    return next((found for found in told if "jobs_aside" in found), {})


def _evidence(operation: Operation) -> list[Mapping[str, Any]]:
    """What each line of the journal found, in their order."""
    return [line.get("evidence") or {} for line in operation.journal.lines()]


def _seconds(operation: Operation) -> float:
    """What its steps took, forth and back: a clock may have been set between begin and end."""
    return round(sum(line.get("seconds") or 0.0 for line in operation.journal.lines()), 1)


def _sum(migrations: list[dict[str, Any]] | None) -> float | None:
    return round(sum(one["seconds"] for one in migrations), 3) if migrations else None


def _refuse(operation: Operation, release: str, why: str) -> None:
    """This release showed itself broken here; one that runs after all is forgotten."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    told = {"release_id": release, "at": now, "why": why}
    _write_refused(operation, [*_others_refused(operation, release), told])


def _others_refused(operation: Operation, release: str) -> list[dict[str, Any]]:
    path = Path(operation.places.refused)
    known = json.loads(path.read_bytes()) if path.exists() else []
    return [one for one in known if one["release_id"] != release]


def _write_refused(operation: Operation, told: list[dict[str, Any]]) -> None:
    content = json.dumps(told, indent=1).encode()
    write_atomically(Path(operation.places.refused), content, mode=0o600)


def _keep_evidence(operation: Operation, release: str) -> None:
    """What the processes of the release said, before pruning or a rotated journal takes it."""
    places = operation.places
    for unit in (places.web_unit(release), places.sidekiq_unit(release), places.migrator_unit):
        show = [f"--lines={_LINES}", "--output=short-iso", "--no-pager"]
        argv = ["journalctl", "--unit", unit, *show]
        said = subprocess.run(argv, capture_output=True, check=False).stdout
        directory = operation.directory / EVIDENCE
        directory.mkdir(mode=0o700, exist_ok=True)
        write_atomically(directory / f"{unit}.log", said, mode=0o600)
