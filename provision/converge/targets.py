"""Where Prometheus asks each host: HTTPS on its public address, itself on loopback."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import Refusal
from provision.fleet.model import Fleet, Host


@dataclass(frozen=True)
class Target:
    """A host by its name, and `address:port`."""

    host: str
    address: str


def targets(fleet: Fleet, watching: str) -> list[Target]:
    """Every host of the fleet, seen from the one that watches."""
    return [Target(host.name, _address(fleet, host, watching)) for host in fleet.hosts.values()]


def _address(fleet: Fleet, host: Host, watching: str) -> str:
    # A provider's router need not lead a host's public address back to it.
    if host.name == watching:
        return "127.0.0.1:443"
    if host.address:
        return f"{host.address}:443"
    if host.address6:
        return f"[{host.address6}]:443"
    raise Refusal(
        f"{fleet.file}: hosts.{host.name}", "it has no address", "Give it address or address6."
    )
