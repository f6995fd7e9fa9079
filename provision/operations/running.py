"""Runs a pod's unfinished operation to its verdict: the whole of podfleet-operation@POD.service."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from provision.contract import RUNTIMES, STATE
from provision.errors import Exit
from provision.operations import facts_file
from provision.operations.locks import host_lock, pod_lock
from provision.operations.operation import Operation, unfinished
from provision.operations.presence import RUNTIME
from provision.operations.pruning import prune
from provision.operations.starting import forget_stage
from provision.operations.step import Cut, Run
from provision.operations.verbs import VERBS, conclude

# Where operations write: each filesystem is synced before a step counts as done.
_WRITTEN = ("/srv/pods", str(STATE), "/etc", "/var/lib", "/opt")
# Any code that systemd does not take for a verdict; the operation goes on after the boot.
_CUT = 130


def run_unfinished(pod: str) -> int:
    """The verdict's exit code; 0 when there is nothing unfinished."""
    operation = unfinished(pod)
    if operation is None:
        return Exit.DONE
    _hand_over(operation)
    # Whoever starts it: what is private says so itself, and what nginx serves can be read.
    os.umask(0o022)
    with pod_lock(Path(operation.layout.lock)), host_lock(operation.note):
        return _run(operation)


def _hand_over(operation: Operation) -> None:
    """An operation ends with the runtime that it began with, though a newer one is there."""
    began_with = str(operation.request.get("runtime", RUNTIME.name))
    entry = Path(RUNTIMES) / began_with / "bin" / "podfleet-host"
    if began_with != RUNTIME.name and entry.exists():
        os.execv(entry, [str(entry), "run", operation.pod])


def _run(operation: Operation) -> int:
    operation.journal.load_ballast()
    run = Run(
        steps=VERBS[operation.verb](operation),
        journal=operation.journal,
        filesystems=[Path(path) for path in _WRITTEN],
        where=f"pod {operation.pod}",
        is_going_down=_is_going_down,
        conclude=lambda code, text: conclude(operation, code, text),
    )
    facts_file.refresh(operation.places)
    try:
        code = run.resume()
    except Cut:
        print("the host is going down; the operation goes on after the boot", file=sys.stderr)
        return _CUT
    operation.journal.drop_ballast()
    forget_stage(operation.directory)
    # Before what is pruned is forgotten.
    facts_file.refresh(operation.places)
    prune(operation.places)
    return code


def _is_going_down() -> bool:
    argv = ["systemctl", "is-system-running"]
    said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    return said.strip() == "stopping"
