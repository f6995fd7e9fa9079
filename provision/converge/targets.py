"""Where Prometheus asks each host: HTTPS on its public address, itself on loopback.

And where it sends what it learns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from provision.errors import Refusal
from provision.fleet.model import Fleet, Host


@dataclass(frozen=True)
class Target:
    """A host by its name, and `address:port`."""

    host: str
    address: str


@dataclass(frozen=True)
class Store:
    """What takes measurements as well, and as whom one signs in there."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)


def store(url: str) -> Store:
    """User and password apart: Prometheus writes the whole URL into its log where the store does
    not answer."""
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return Store(bare, unquote(parts.username or ""), unquote(parts.password or ""))


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
