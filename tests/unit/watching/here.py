"""A host that is this machine: what would go over SSH runs here, as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from provision.hosts.connection import Connection, Endpoint
from provision.hosts.known_hosts import KnownHosts


class Here(Connection):
    """Commands run for real; only the way to the host is left out."""

    def open(self) -> None:
        pass

    def argv(self, argv: Sequence[str]) -> list[str]:
        return list(argv)


def here(directory: Path) -> Here:
    return Here(Endpoint("one", "192.0.2.1"), KnownHosts(directory / "known_hosts"))
