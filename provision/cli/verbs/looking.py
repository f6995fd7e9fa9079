"""Verbs that look, and change nothing: plan, status, follow, logs, exec."""

from __future__ import annotations

from typing import Annotated

import typer

from provision.cli.asked import Asked
from provision.errors import Exit
from provision.report import Report

PodName = Annotated[str, typer.Argument(metavar="POD", help="The pod's name.")]


def plan(
    asked: Asked,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show the changed files' lines; secrets are masked.")
    ] = False,
) -> None:
    """Say what `up` would change, what restarts, and why.

    Of a release that the file names and the pod does not run yet, it foretells the upgrade. It
    only reads. Exit code 0 whatever it finds.
    """
    from provision.cli.next_commands import words_for
    from provision.planning import make_plan

    fleet = asked.fleet()
    with asked.output.progress() as report:
        made = make_plan(fleet, report, pods=asked.pods, hosts=asked.hosts, deep=asked.deep)
        changed = _changed_lines(asked, report) if diff else []
    lines, document = made.lines(), made.to_json()
    asked.output.show(
        [*lines, *words_for(lines, asked), *changed],
        {**document, "diff": changed} if diff else document,
    )


def _changed_lines(asked: Asked, report: Report) -> list[str]:
    from provision.differences import differences
    from provision.looking import look, select

    fleet = asked.fleet()
    chosen = select(fleet, asked.pods, asked.hosts)
    hosts = dict.fromkeys(pod.host for pod in chosen) or fleet.hosts
    return list(differences(fleet, chosen, look(fleet, hosts, report)))


def status(asked: Asked) -> None:
    """Show how pods and hosts are.

    Exit code 0 whatever it finds.
    """
    from provision.status import status as look

    with asked.output.progress() as report:
        found = look(asked.fleet(), report, pods=asked.pods, hosts=asked.hosts)
    asked.output.show(found.lines(), found.to_json())


def follow(asked: Asked) -> int:
    """Follow running operations to their end.

    Of a pod without one it says how the last one ended. The exit code is the operation's.
    """
    from provision.following import follow_operations

    with asked.output.progress() as report:
        found = follow_operations(asked.fleet(), report, pods=asked.pods, hosts=asked.hosts)
    asked.output.show([each.line() for each in found], [each.to_json() for each in found])
    return max((each.exit for each in found), default=Exit.DONE)


def logs(
    asked: Asked,
    pod: PodName,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many to start with.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come.")] = False,
) -> int:
    """Show what the pod's processes and operations logged."""
    from provision.reach import reach, show_logs

    return show_logs(reach(asked.fleet(), pod), pod, lines=lines, follow=follow)


def execute(
    asked: Asked,
    pod: PodName,
    command: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND...", help="The command, as the pod's user.")
    ],
) -> int:
    """Run a command as the pod's user, in its environment.

    bin/rails and bin/rake are at hand. The exit code is the command's own.
    """
    from provision.reach import execute as run
    from provision.reach import reach

    return run(reach(asked.fleet(), pod), pod, command)
