"""Converges a host: ships its stage, runs the roles over it, and says what Ansible changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from provision.contract import RUNTIMES
from provision.converge.ansible import play_lines
from provision.converge.lock import host_lock
from provision.converge.results import Change, Failure, Results, read_results
from provision.converge.stage import HostStage
from provision.converge.variables import ROLES, SHIPPED, resumed, runtime_archive
from provision.converge.way_in import keep_the_way_in
from provision.errors import Refusal
from provision.fleet.model import Fleet, Host
from provision.fleet.reading import call_fleet
from provision.hosts.connection import Connection
from provision.report import Report, Silent


@dataclass(frozen=True)
class ConvergeResult:
    """What a run of the roles did to a host."""

    host: str
    changed: tuple[Change, ...]
    # What could not be had on this host and why, e.g. swap in a container.
    notices: tuple[str, ...]
    seconds: float


def converge(
    fleet: Fleet,
    host: Host,
    connection: Connection,
    stage: HostStage,
    report: Report | None = None,
    *,
    roles: Sequence[str] = ROLES,
    use_mitogen: bool = True,
) -> ConvergeResult:
    """Make the host what its stage says; a Refusal names the role and task that could not."""
    report = report or Silent()
    started = time.monotonic()
    with host_lock(connection) as held:
        _ship(connection, stage)
        variables = resumed(stage.variables, held.is_resumed)
        lines = play_lines(connection, roles, variables, use_mitogen=use_mitogen)
        results = read_results(lines, report, host.name)
        if any(change.role == "ssh" for change in results.changed):
            keep_the_way_in(connection)
        if results.failure:
            raise _refusal(fleet, host, results.failure)
        # What only some of the roles did leaves the others' part to be resumed.
        held.is_done = not held.is_resumed or tuple(roles) == ROLES
    for notice in results.notices:
        report.warn(f"host {host.name}: {notice}")
    return _result(host, results, time.monotonic() - started)


def _ship(connection: Connection, stage: HostStage) -> None:
    connection.send_tree(stage.root, SHIPPED)
    version = stage.runtime.version
    there = ["test", "-e", str(RUNTIMES / version / "bin" / "podfleet-host")]
    if connection.run(there, check=False).returncode != 0:
        connection.send_file(stage.runtime.path, runtime_archive(version))


def _result(host: Host, results: Results, seconds: float) -> ConvergeResult:
    return ConvergeResult(host.name, tuple(results.changed), tuple(results.notices), seconds)


def _refusal(fleet: Fleet, host: Host, failure: Failure) -> Refusal:
    called = call_fleet(fleet.file)
    if failure.is_unreachable:
        return Refusal(
            f"host {host.name}",
            f"it was lost while the roles ran: {failure.said}",
            f"See that {host.name} is up and reachable, then run podfleet up {called} again.",
        )
    item = f" ({failure.item})" if failure.item else ""
    return Refusal(
        f"host {host.name}, role {failure.role}",
        f"`{failure.task}`{item} failed: {failure.said}",
        f"Mend that on the host, then run podfleet up {called} again: "
        "what was done already is left as it is.",
    )
