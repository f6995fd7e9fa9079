"""Verbs of the fleet's vault: secrets show, set, rotate. No value is ever an argument."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from provision.cli.asked import Asked
from provision.cli.verbs.looking import PodName

SecretPath = Annotated[
    str, typer.Argument(metavar="PATH", help="The setting, as mail.smtp.password.")
]


def show(
    asked: Asked,
    path: Annotated[
        str | None, typer.Argument(metavar="PATH", help="Print this one's value.")
    ] = None,
) -> None:
    """List what the vault holds, or print one value."""
    from provision.fleet.secrets import open_vault

    vault = open_vault(asked.fleet())
    if path is None:
        asked.output.show(vault.paths(), list(vault.paths()))
    else:
        value = vault.need(path)
        asked.output.show([value], {"path": path, "value": value})


def set_(asked: Asked, pod: PodName, path: SecretPath) -> None:
    """Keep a secret setting of a pod, or (POD `fleet`) of the fleet.

    The value is asked for, or read from standard input: never an argument.
    """
    from provision.fleet.secrets import open_vault
    from provision.fleet.settings import set_secret

    fleet = asked.fleet()
    kept = set_secret(fleet, open_vault(fleet), pod, path, _value(path))
    following = f"podfleet configure --pod {pod}" if pod in fleet.pods else "podfleet up"
    asked.output.show([f"Kept {kept}.", f"Next: {following}{asked.fleet_words}"], {"path": kept})


def rotate(
    asked: Asked,
    path: Annotated[str, typer.Argument(metavar="PATH", help="The secret, as `show` lists it.")],
) -> None:
    """Make a secret of podfleet's own anew.

    PATH `password` encrypts the whole vault under a new password instead.
    """
    from provision.fleet.secrets import open_vault

    vault = open_vault(asked.fleet())
    if not asked.output.confirm(f"The old value of {path} is then gone. Go on?", yes=asked.yes):
        raise typer.Abort
    if path == "password":
        vault.change_password()
    else:
        vault.rotate(path)
    asked.output.show(
        [f"Made {path} anew.", f"Next: podfleet up{asked.fleet_words}"], {"path": path}
    )


def _value(path: str) -> str:
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass(f"{path}: ", stream=sys.stderr)
    return sys.stdin.read().removesuffix("\n")
