"""One pod's host over SSH, for a person: its logs, and commands as the pod's user."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from provision.contract import PodPlaces
from provision.fleet.model import Fleet
from provision.hosts.connection import Connection
from provision.hosts.providers import connect
from provision.looking import select
from provision.operations.dispatch import ENTRY
from provision.report import Lines, Report


def reach(fleet: Fleet, pod: str, report: Report | None = None) -> Connection:
    """The connection to the pod's host; an unknown pod is refused."""
    (chosen,) = select(fleet, (pod,), ())
    return connect(fleet, fleet.hosts[chosen.host], report or Lines())


def show_logs(connection: Connection, pod: str, *, lines: int, follow: bool) -> int:
    """Passes the journal of the pod's units and operations through; journalctl's exit code."""
    places = PodPlaces(pod)
    units = (f"pod-{pod}-*", places.redis_unit, places.operation_unit)
    wanted = [f"--unit={unit}" for unit in units]
    argv = ["journalctl", "--no-pager", "--output=short-iso", f"--lines={lines}", *wanted]
    return _passed_through(connection, [*argv, *(["--follow"] if follow else [])])


def execute(connection: Connection, pod: str, command: Sequence[str]) -> int:
    """Runs the command as the pod's user in its environment; the command's own exit code."""
    argv = [str(ENTRY), "exec", pod, "--", *command]
    return _passed_through(connection, argv)


def _passed_through(connection: Connection, argv: Sequence[str]) -> int:
    """The remote command on our own terminal, or on our own pipes."""
    connection.open()
    local = connection.argv(argv)
    if sys.stdin.isatty() and sys.stdout.isatty():
        local[1:1] = ["-t"]
    return subprocess.run(local, check=False).returncode
