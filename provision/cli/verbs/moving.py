"""Verbs that take a pod out of its place: export, retire."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.cli.asked import Asked


def export(
    asked: Asked,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIRECTORY", help="Fetch the archives to this directory."),
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Leave the pod closed afterwards, for a move.")
    ] = False,
) -> None:
    """Write a pod into one archive, and read it back.

    Database, uploads, identity and settings. With --final the pod stays closed, for a move.
    """
    from provision.moving import export as write_export

    fleet = asked.fleet()
    if final and not asked.dry_run:
        which = ", ".join(asked.pods) or "every pod of the fleet"
        if not asked.output.confirm(f"This closes {which}. Go on?", yes=asked.yes):
            raise typer.Abort
    with asked.output.progress() as report:
        made = write_export(
            fleet,
            report,
            pods=asked.pods,
            hosts=asked.hosts,
            to=to,
            final=final,
            dry_run=asked.dry_run,
        )
    asked.output.show([each.line() for each in made], [each.to_json() for each in made])


def retire(
    asked: Asked,
    domain: Annotated[
        str | None,
        typer.Option("--domain", help="The pod's domain, typed to confirm the removal."),
    ] = None,
) -> None:
    """Export a pod, then remove it from its host.

    Asks for the pod's domain to be typed, with --yes as well; --domain answers. With --host it is
    removed from a host that it moved away from.
    """
    from provision.moving import retire as remove_pod
    from provision.moving import the_pod

    fleet = asked.fleet()
    pod = the_pod(fleet, asked.pods)
    question = f"This removes {pod.name} and all that is in it. Type its domain to go on:"
    typed = domain or ("" if asked.dry_run else asked.output.ask(question, otherwise="--domain"))
    with asked.output.progress() as report:
        left = remove_pod(
            fleet,
            report,
            pods=(pod.name,),
            hosts=asked.hosts,
            typed_domain=typed,
            dry_run=asked.dry_run,
        )
    missed = fleet.monitoring is not None and not asked.hosts and not asked.dry_run
    following = f"Next: take [pods.{pod.name}] out of {fleet.file}, then "
    following += f"podfleet up{asked.fleet_words}: alerts miss it."
    asked.output.show([left.line(), *([following] if missed else [])], left.to_json())
