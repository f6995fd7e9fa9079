"""Verbs that make and check a fleet file: init, validate, schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.cli.asked import Asked


def init(
    asked: Asked,
    directory: Annotated[Path, typer.Argument(help="The directory to make.")],
    domain: Annotated[
        str | None, typer.Option("--domain", help="The pod's domain, for ever.")
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="The server's IPv4 address.")
    ] = None,
    address6: Annotated[
        str | None, typer.Option("--address6", help="The server's IPv6 address.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", help='The server\'s memory, as "2 GiB".')
    ] = None,
    admin: Annotated[
        str | None, typer.Option("--admin", help="The first administrator's name.")
    ] = None,
    email: Annotated[str | None, typer.Option("--email", help="Their mail address.")] = None,
    release: Annotated[str | None, typer.Option("--release", help="The diaspora* release.")] = None,
) -> None:
    """Make a fleet directory that passes `validate`.

    Asks what no flag says; with --yes it takes what it may assume.
    """
    from provision.fleet.new import write_fleet
    from provision.fleet.questions import answers

    given = {
        "domain": domain,
        "address": address,
        "address6": address6,
        "memory": memory,
        "admin": admin,
        "email": email,
        "release": release,
    }
    stated = {name: value for name, value in given.items() if value is not None}
    file = write_fleet(directory, answers(stated, asked.output.ask, take_defaults=asked.yes))
    asked.output.show(
        [f"Wrote {file}.", f"Next: podfleet validate {directory}, then podfleet up {directory}."],
        {"file": str(file)},
    )


def validate(
    asked: Asked,
    preflight: Annotated[
        bool, typer.Option("--hosts", help="Ask the hosts and the DNS as well.")
    ] = False,
) -> int:
    """Check the fleet file; with --hosts also servers and DNS.

    Without --hosts nothing leaves this machine. With it: DNS against address (v4 and v6), ports 80
    and 443 by a random token, the mail relay, Debian release, memory, disk, clock, root, and who
    else listens on the ports. Exit code 1 when one of them failed.
    """
    from provision.errors import Exit
    from provision.looking import select
    from provision.preflight.running import has_failed, preflight_lines, run_preflight

    fleet = asked.fleet()
    select(fleet, asked.pods, asked.hosts)
    if not preflight:
        found = {"file": str(fleet.file), "hosts": list(fleet.hosts), "pods": list(fleet.pods)}
        asked.output.show([f"{fleet.file}: fit for use."], found)
        return Exit.DONE
    with asked.output.progress() as report:
        checks = run_preflight(fleet, report, pods=asked.pods, hosts=asked.hosts)
    asked.output.show(preflight_lines(checks), [check.to_json() for check in checks])
    return Exit.REFUSED if has_failed(checks) else Exit.DONE


def schema(asked: Asked) -> None:
    """Print the JSON Schema of fleet files, for editors."""
    from provision.fleet.schema import schema_text

    print(schema_text(), end="")
