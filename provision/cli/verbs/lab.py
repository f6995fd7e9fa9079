"""Verbs of the lab: up, info, ssh, kill, boot, cut, heal, down."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli.asked import Asked

if TYPE_CHECKING:
    from provision.lab.lab import Lab

HostName = Annotated[str, typer.Argument(metavar="HOST", help="The lab host's name.")]


def up(
    asked: Asked,
    bare: Annotated[
        bool, typer.Option("--bare", help="Begin with Debian alone, as a new server does.")
    ] = False,
) -> None:
    """Boot the lab's hosts, without pods.

    `podfleet up` does this and all the rest.
    """
    with asked.output.progress() as report:
        from provision.hosts.lab import bring_up_lab, lab_info

        fleet = asked.fleet()
        bring_up_lab(fleet, report, image="debian" if bare else "platform")
    found = lab_info(fleet)
    asked.output.show(
        [f"{name}  {host['address']}" for name, host in found["hosts"].items()], found
    )


def info(asked: Asked) -> None:
    """Say how the lab's hosts and pods are reached, and whom to trust."""
    from provision.hosts.lab import lab_info

    found = lab_info(asked.fleet())
    lines = [f"certificate authorities  {found['ca']}"]
    lines += [f"host {name}  {host['address']}" for name, host in found["hosts"].items()]
    lines += [
        f"pod {name}  {pod['url']} on {pod['host']}, {pod['address']}"
        for name, pod in found["pods"].items()
    ]
    asked.output.show(lines, found)


def ssh(
    asked: Asked,
    host: HostName,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND...", help="A shell when none is given."),
    ] = None,
) -> None:
    """Open a shell on a lab host, or run a command there.

    The exit code is the command's own.
    """
    from provision.hosts.lab import ssh_argv

    argv = ssh_argv(asked.fleet(), host, command or [])
    os.execvp(argv[0], argv)


def kill(asked: Asked, host: HostName) -> None:
    """Cut a lab host's power: what was not synced is lost."""
    _lab(asked).kill(host)


def boot(asked: Asked, host: HostName) -> None:
    """Boot a lab host that is off."""
    _lab(asked).boot(host)


def cut(asked: Asked, host: HostName) -> None:
    """Cut a lab host's network."""
    _lab(asked).cut(host)


def heal(asked: Asked, host: HostName) -> None:
    """Mend a lab host's network."""
    _lab(asked).heal(host)


def down(
    asked: Asked,
    purge: Annotated[
        bool, typer.Option("--purge", help="Leave nothing: disks and secrets go, too.")
    ] = False,
) -> None:
    """Shut the lab down; with --purge nothing of it is left."""
    with asked.output.progress() as report, report.step("lab down"):
        _lab(asked).down(purge=purge)


def _lab(asked: Asked) -> Lab:
    from provision.hosts.lab import lab_of

    return lab_of(asked.fleet())
