"""Verbs of a pod's releases: upgrade, rollback, releases, history."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from provision.cli.asked import Asked
from provision.cli.next_commands import words_below
from provision.errors import Exit, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provision.answers import Answers
    from provision.errors import PodfleetError
    from provision.history import Entry
    from provision.kept import Kept
    from provision.targets import Wish
    from provision.upgrading import Outcome

Told = TypeVar("Told", "Entry", "Kept")
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="ID", help="Acknowledge this; may be given again."),
]


def upgrade(
    asked: Asked,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="Go there, and write it into the file."),
    ] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Try it on a copy beside the pod, and end there.")
    ] = False,
    maintenance: Annotated[
        bool,
        typer.Option("--maintenance", help="Close the pod meanwhile, instead of holding requests."),
    ] = False,
    accept: Accept = None,
) -> int:
    """Upgrade pods to the release that the fleet file names.

    The lead pod first, then the others. Requests wait instead of failing; what turns out red goes
    back by itself, and nothing is begun after it. The same command again goes on where it stopped.
    """
    from provision.targets import Wish
    from provision.upgrading import upgrade as go

    wish = Wish(
        to=to,
        rehearse=rehearse,
        maintenance=maintenance,
        deep=asked.deep,
        accept=tuple(accept or ()),
    )
    if asked.dry_run:
        return _look_ahead(asked, wish)
    with asked.output.progress() as report:
        outcomes = go(asked.fleet(to), report, wish, pods=asked.pods, hosts=asked.hosts)
    return _show(asked, outcomes)


def _look_ahead(asked: Asked, wish: Wish) -> int:
    from provision.upgrading import look_ahead

    with asked.output.progress() as report:
        found = look_ahead(asked.fleet(wish.to), report, wish, pods=asked.pods, hosts=asked.hosts)
    lines = [line for one in found for line in one.lines()] or ["Nothing to upgrade."]
    asked.output.show(lines, {"pods": [one.to_json() for one in found]})
    return Exit.DONE


def _show(asked: Asked, outcomes: Sequence[Outcome]) -> int:
    """What became of each pod, on standard output; what went wrong, beside it."""
    from provision.cli.upgrade_words import outcome_json, outcome_lines

    asked.output.show(outcome_lines(outcomes), {"pods": [outcome_json(one) for one in outcomes]})
    return _worst(asked, [one.error for one in outcomes if one.error])


def _worst(asked: Asked, errors: Sequence[PodfleetError]) -> int:
    """The exit code, once every error is told."""
    for words in (*errors, *words_below(errors, asked)):
        print(words, file=sys.stderr)
    return max((error.exit_code for error in errors), default=Exit.DONE)


def rollback(asked: Asked) -> int:
    """Take pods back to the release before.

    Code, units and settings; after a breaking upgrade the database, too, as it was left. Rows
    written since stay in the newer database and are counted.
    """
    from provision.rolling_back import outcome_json, outcome_lines, roll_back

    with asked.output.progress() as report:
        outcomes = roll_back(asked.fleet(), report, pods=asked.pods, dry_run=asked.dry_run)
    asked.output.show(outcome_lines(outcomes), {"pods": [outcome_json(one) for one in outcomes]})
    return _worst(asked, [one.error for one in outcomes if one.error])


def releases(
    asked: Asked,
    prune: Annotated[bool, typer.Option("--prune", help="Remove what no rule keeps.")] = False,
    accept: Accept = None,
) -> int:
    """List what pods keep: releases, artifacts, databases; prune it.

    What a power cut left is named, too. The last safety copy of a database goes only by its id,
    with --accept.
    """
    from provision.kept import kept, kept_lines, removed_lines
    from provision.kept import prune as remove

    if accept and not prune:
        raise UsageError("--accept", "nothing is removed without --prune", "Give --prune, too.")
    fleet = asked.fleet()
    with asked.output.progress() as report:
        if prune:
            found = remove(fleet, report, accept or (), pods=asked.pods, hosts=asked.hosts)
        else:
            found = kept(fleet, report, pods=asked.pods, hosts=asked.hosts)
    return _show_answers(asked, found, removed_lines if prune else kept_lines)


def history(asked: Asked) -> int:
    """Show past upgrades and rollbacks, and what each cost.

    Exit code 1 where a host does not answer: its pods are missing.
    """
    from provision.history import history as read
    from provision.history import lines

    with asked.output.progress() as report:
        found = read(asked.fleet(), report, pods=asked.pods, hosts=asked.hosts)
    return _show_answers(asked, found, lines)


def _show_answers(
    asked: Asked, found: Answers[Told], lines: Callable[[Sequence[Told]], list[str]]
) -> int:
    """What was told, as a table; why the rest was not, beside it. Of silence there is no table."""
    table = [] if found.is_silence else lines(found.told)
    asked.output.show(table, [one.to_json() for one in found.told])
    return _worst(asked, found.errors)
