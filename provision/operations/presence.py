"""Puts what a pod consists of in place (the deploy `present`), and takes it away again."""

from __future__ import annotations

import grp
import json
import pwd
import sys
from pathlib import Path
from typing import Any

from provision.contract import POD_UIDS, PodPlaces
from provision.errors import Refusal
from provision.operations.commands import run, succeeds, systemctl
from provision.operations.locks import reload_lock
from provision.operations.operation import Operation

RUNTIME = Path(__file__).resolve().parents[2]


def pick_uid(places: PodPlaces) -> int:
    """The pod's uid: the one it has, else a free one of the reserved range.

    The pod's group, of the same number, is made at once: of two launches that pick at the same
    time, one finds the number taken.
    """
    users = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    groups = {entry.gr_name: entry.gr_gid for entry in grp.getgrall()}
    for own in (users.get(places.user), groups.get(places.user)):
        if own is not None:
            return own
    taken = {*users.values(), *groups.values()}
    for uid in range(POD_UIDS[0], POD_UIDS[1] + 1):
        if uid not in taken and succeeds(["groupadd", "--gid", str(uid), places.user]):
            return uid
    raise Refusal("host", f"no uid is free in {POD_UIDS}", "Retire a pod of this host first.")


def make_present(operation: Operation, uid: int) -> list[str]:
    """Runs the deploy in a process of its own; what it changed."""
    argv = [sys.executable, "-I", str(RUNTIME / "bin" / "podfleet-host"), "present"]
    said = run([*argv, operation.pod, str(operation.stage), str(uid)])
    changed: list[str] = json.loads(said.splitlines()[-1])["changed"]
    return changed


def remove_files(manifest: dict[str, Any], keep: frozenset[str] = frozenset()) -> None:
    """Removes a stage's files outside of releases; what was never there is no error."""
    for entry in manifest["files"]:
        path = Path(entry["path"])
        if path.is_absolute() and entry["path"] not in keep:
            path.unlink(missing_ok=True)
    for directory in _own_directories(manifest):
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()


def _own_directories(manifest: dict[str, Any]) -> set[Path]:
    """Drop-in directories, which hold nothing but what was staged."""
    parents = {Path(entry["path"]).parent for entry in manifest["files"]}
    return {parent for parent in parents if parent.name.endswith(".d") and "@" in parent.name}


def reload_systemd() -> None:
    with reload_lock():
        systemctl("daemon-reload")


def reload_nginx() -> None:
    """Only what nginx itself accepts is ever loaded."""
    with reload_lock():
        run(["nginx", "-t", "-q"])
        systemctl("reload-or-restart", "nginx.service")


def stop(*units: str) -> None:
    """Stops and disables units, also ones that were never there."""
    for unit in units:
        if unit_exists(unit):
            systemctl("disable", "--now", unit)
        succeeds(["systemctl", "reset-failed", unit])


def unit_exists(unit: str) -> bool:
    return succeeds(["systemctl", "cat", "--", unit])
