"""Verbs that take a pod out of its place: export, retire."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.cli.asked import Asked
from provision.cli.verbs.looking import PodName


def export(
    asked: Asked,
    pod: PodName,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIRECTORY", help="Fetch the archive to this directory."),
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
    with asked.output.progress() as report:
        done = write_export(fleet, pod, report, to=to, final=final, dry_run=asked.dry_run)
    asked.output.show(done.lines(), done.to_json())


def retire(
    asked: Asked,
    pod: PodName,
    domain: Annotated[
        str | None,
        typer.Option("--domain", help="The pod's domain, typed to confirm the removal."),
    ] = None,
) -> None:
    """Export a pod, then remove it from its host.

    Asks for the pod's domain to be typed.
    """
    from provision.moving import retire as remove_pod

    fleet = asked.fleet()
    question = f"This removes {pod} and all that is in it. Type its domain to go on:"
    typed = domain or ("" if asked.dry_run else asked.output.ask(question, otherwise="--domain"))
    with asked.output.progress() as report:
        done = remove_pod(fleet, pod, report, typed_domain=typed, dry_run=asked.dry_run)
    asked.output.show(done.lines(), done.to_json())
