"""Verbs that look, and change nothing: plan, status, follow, logs, exec."""

from __future__ import annotations

from typing import Annotated

import typer

from provision.cli.asked import Asked
from provision.report import Report

PodName = Annotated[str, typer.Argument(metavar="POD", help="The pod's name.")]


def plan(
    asked: Asked,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show the changed files' lines; secrets are masked.")
    ] = False,
) -> None:
    """Say what `up` would change, what restarts, and why."""
    from provision.plan import make_plan

    fleet = asked.fleet()
    with asked.output.progress() as report:
        made = make_plan(fleet, report, pods=asked.pods, hosts=asked.hosts, deep=asked.deep)
        changed = _changed_lines(asked, report) if diff else []
    document = made.to_json()
    asked.output.show(
        [*made.lines(), *changed], {**document, "diff": changed} if diff else document
    )


def _changed_lines(asked: Asked, report: Report) -> list[str]:
    from provision.differences import differences
    from provision.plan import look, select

    fleet = asked.fleet()
    chosen = select(fleet, asked.pods, asked.hosts)
    hosts = dict.fromkeys(pod.host for pod in chosen) or fleet.hosts
    return list(differences(fleet, chosen, look(fleet, hosts, report)))


def status(asked: Asked) -> None:
    """Show each pod's release and state, and each host's platform level."""
    from provision.status import status as look

    with asked.output.progress() as report:
        found = look(asked.fleet(), report, pods=asked.pods, hosts=asked.hosts)
    asked.output.show(found.lines(), found.to_json())


def follow(asked: Asked, pod: PodName) -> int:
    """Follow the pod's running operation, or its last one, step by step."""
    from provision.operations.dispatch import follow as follow_operation
    from provision.reach import reach

    fleet = asked.fleet()
    with asked.output.progress() as report:
        outcome = follow_operation(reach(fleet, pod, report), fleet.pods[pod], report)
    asked.output.show(outcome.lines(), outcome.to_json())
    return outcome.exit_code


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
    """Run a command as the pod's user in its environment: bin/rails, bin/rake.

    The exit code is the command's own.
    """
    from provision.reach import execute as run
    from provision.reach import reach

    return run(reach(asked.fleet(), pod), pod, command)
