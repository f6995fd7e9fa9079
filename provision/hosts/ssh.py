"""Provider `ssh`: a server that exists already, reached with the user's own OpenSSH settings."""

from __future__ import annotations

from provision.errors import Refusal
from provision.fleet.model import Fleet, Host
from provision.hosts.connection import Connection, Endpoint
from provision.hosts.known_hosts import KnownHosts
from provision.report import Report

PINNED = "known_hosts"


def connect(fleet: Fleet, host: Host, report: Report) -> Connection:
    """The host over SSH; its key is pinned beside the fleet's secrets at the first contact."""
    address = host.address or host.address6
    if address is None:
        raise Refusal(
            f"{fleet.file}: hosts.{host.name}", "it has no address", "Give it address or address6."
        )
    endpoint = Endpoint(
        host.name, str(address), host.ssh_user, host.ssh_port, identity=host.ssh_identity
    )

    def met(name: str, fingerprint: str) -> None:
        report.warn(
            f"host {name} is met for the first time; its key is {fingerprint}. Compare it with "
            f"what your provider shows; it is pinned in {fleet.keeps / PINNED}"
        )

    return Connection(endpoint, KnownHosts(fleet.keeps / PINNED), on_first_contact=met)
