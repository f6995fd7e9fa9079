"""Verbs that change hosts and pods towards the fleet file: build, up, launch, configure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli.asked import Asked

if TYPE_CHECKING:
    from provision.up import Done


def up(asked: Asked) -> None:
    """Bring hosts and pods to what the fleet file says.

    Roles and builds first, then launch or configure, where needed; at the end a canary post flies
    between all pairs of pods. A running pod's release is never changed: `upgrade` does that.
    """
    from provision.up import up as bring_up

    _do(asked, bring_up)


def launch(
    asked: Asked,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="EXPORT",
            help="An export, or a directory with an existing pod's dump, uploads and keys.",
        ),
    ] = None,
) -> None:
    """Launch pods that are not there yet.

    With --from the one pod named by --pod comes from an export, or from a pod that podfleet did not
    make: its database dump, uploads, secret files and settings. Keys and name stay.
    """
    if source is None:
        from provision.plan import Action
        from provision.up import up as bring_up

        _do(asked, partial(bring_up, actions=(Action.LAUNCH, Action.FINISH)))
    else:
        _launch_from(asked, source)


def configure(
    asked: Asked,
    reopen: Annotated[
        bool,
        typer.Option("--reopen", help="Open a pod again that a final export closed."),
    ] = False,
) -> None:
    """Apply a changed fleet file to launched pods.

    Only what the change touches restarts; `plan` says which and why.
    """
    from provision.plan import Action
    from provision.up import up as bring_up

    _do(asked, partial(bring_up, actions=(Action.CONFIGURE, Action.FINISH), reopen=reopen))


def build(
    asked: Asked,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="HOST", help="Compile on this host instead of here."),
    ] = None,
) -> None:
    """Build the releases that the fleet file names.

    In a clean guest, signed, into the local store; what is there unchanged is not built again.
    """
    from provision.building import artifact_json, artifact_line
    from provision.building import build as build_releases

    with asked.output.progress() as report:
        artifacts = build_releases(
            asked.fleet(),
            report,
            pods=asked.pods,
            hosts=asked.hosts,
            on=on,
            dry_run=asked.dry_run,
            deep=asked.deep,
        )
    asked.output.show(
        [artifact_line(artifact) for artifact in artifacts],
        [artifact_json(artifact) for artifact in artifacts],
    )


def _launch_from(asked: Asked, source: Path) -> None:
    from provision.cli.words import done_json, done_lines
    from provision.moving import launch_from

    fleet = asked.fleet()
    with asked.output.progress() as report:
        done = launch_from(
            fleet,
            report,
            source,
            pods=asked.pods,
            hosts=asked.hosts,
            dry_run=asked.dry_run,
            deep=asked.deep,
        )
    asked.output.show(done_lines(done, fleet, asked), done_json(done))


def _do(asked: Asked, act: Callable[..., Done]) -> None:
    """Runs a verb of provision.up and shows what came of it; --dry-run ends with the plan."""
    from provision.cli.words import done_json, done_lines

    fleet = asked.fleet()
    with asked.output.progress() as report:
        done = act(
            fleet,
            report,
            pods=asked.pods,
            hosts=asked.hosts,
            dry_run=asked.dry_run,
            deep=asked.deep,
        )
    asked.output.show(done_lines(done, fleet, asked), done_json(done))
