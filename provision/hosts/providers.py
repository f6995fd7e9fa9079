"""How a host comes to be and is reached: one row a provider, the same four questions to each."""

from __future__ import annotations

from pathlib import Path

from provision.fleet.model import Fleet, Host
from provision.hosts import lab, ssh
from provision.hosts.connection import Connection
from provision.report import Report

_CONNECT = {"ssh": ssh.connect, "lab": lab.connect}


def connect(fleet: Fleet, host: Host, report: Report) -> Connection:
    """The connection to a host of the fleet; nothing is started for it."""
    return _CONNECT[host.provider](fleet, host, report)


def as_it_runs(fleet: Fleet) -> Fleet:
    """The fleet with what is known only at run time: a lab's addresses, networks and issuer."""
    return lab.as_it_runs(fleet) if fleet.is_lab else fleet


def boot(fleet: Fleet, report: Report) -> Fleet:
    """Make sure that the hosts podfleet makes itself are there; the fleet as it is then."""
    return lab.bring_up_lab(fleet, report) if fleet.is_lab else fleet


def authorities(fleet: Fleet) -> Path | None:
    """Certificate authorities to trust instead of the system's: a lab has its own."""
    return lab.authorities(fleet) if fleet.is_lab else None
