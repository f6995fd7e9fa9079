"""Verbs that prove that pods work and federate: verify, canary, peers, probe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.cli.asked import Asked
from provision.errors import Exit


def verify(asked: Asked) -> int:
    """Check live pods and their hosts from end to end.

    Units, ports, secrets, isolation, TLS, sandbox, pages, upload, background job, mail, and a post
    that must arrive on another pod. Exit code 1 when a check failed.
    """
    from provision.verify.running import check_lines, verify_fleet

    with asked.output.progress() as report:
        checks = verify_fleet(asked.fleet(), report, pods=asked.pods, hosts=asked.hosts)
    asked.output.show(check_lines(checks), [check.to_json() for check in checks])
    return Exit.REFUSED if any(each.outcome == "failed" for each in checks) else Exit.DONE


def canary(
    asked: Asked,
    once: Annotated[
        bool, typer.Option("--once", help="One flight a pair; what it does unless told otherwise.")
    ] = True,
    last: Annotated[
        bool,
        typer.Option("--last", help="Fly none; show what the watching host's canary saw last."),
    ] = False,
) -> int:
    """Post on each pod, see it arrive on the others and go.

    Of several pods that are named, between these; one that is named alone flies with all others.
    Exit code 1 unless every post arrived in time. With --last, refused where nothing watches the
    fleet, or what was seen last is stale.
    """
    from monitoring.canary.flights import pairs_to_json
    from provision.cli.words import flight_lines
    from provision.federation import fly_between
    from provision.watching import last_flights

    with asked.output.progress() as report:
        fly = last_flights if last else fly_between
        flights = fly(asked.fleet(), report, pods=asked.pods)
    asked.output.show(flight_lines(flights), pairs_to_json(flights))
    return Exit.DONE if all(each.state == "ok" for each in flights) else Exit.REFUSED


def peers(asked: Asked) -> None:
    """Show whom each pod reaches, and how long until posts are lost.

    Peers are current, lagging (deliveries wait for more than 10 minutes), failing, or dead (for
    more than two days). Exit code 0 whatever it finds.
    """
    from provision.peers import peers as ask
    from provision.peers import peers_json

    with asked.output.progress() as report:
        found = ask(asked.fleet(), report, pods=asked.pods)
    lines = [line for each in found for line in (*each.lines(), "")]
    asked.output.show(lines[:-1], peers_json(found))


def probe(
    asked: Asked,
    url: Annotated[str, typer.Argument(metavar="URL", help="The pod, as https://pod.example.org.")],
    address: Annotated[
        str | None,
        typer.Option("--address", help="Connect to this IP address instead of the DNS's."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", help="Trust these authorities alone (PEM).")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Connect to private addresses, too.")
    ] = False,
) -> int:
    """Ask one pod what other pods see of it; needs no fleet.

    Exit code 1 when its NodeInfo cannot be had.
    """
    from monitoring.prober.single import probe_lines, probe_once
    from provision.watching import check_address, check_authorities

    if address is not None:
        check_address(address)
    if ca is not None:
        check_authorities(ca)
    found = probe_once(url, address=address, ca_file=ca, allow_private=allow_private)
    asked.output.show(probe_lines(found), found.to_json())
    return Exit.DONE if found.reason is None else Exit.REFUSED
