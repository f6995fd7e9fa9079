"""A prober over peers of the tests' own: names lead where the test says, into loopback alone."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from monitoring.board import Board
from monitoring.peers import Peer, Peers
from monitoring.prober.cycle import Prober
from monitoring.prober.limits import Limits
from monitoring.prober.looking import Asking
from monitoring.state import read_state
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.peer import Handler, peer

HERE = ("127.0.0.1",)
WILDCARD = "*.lab.test"
# Long enough for a busy machine, short enough for those who never answer.
HASTY = Limits(deadline_seconds=6.0, connect_seconds=1.5, body_bytes=100_000, allow_private=True)

# Where a name leads: addresses, an error, or a function that takes its time.
Says = Sequence[str] | OSError | Callable[[], list[str]]


@dataclass
class Names:
    """Stands in for the resolver."""

    says: Mapping[str, Says] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        said = self.says.get(host, HERE)
        if isinstance(said, OSError):
            raise said
        return said() if callable(said) else list(said)


NOWHERE = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
SILENCE = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@dataclass
class Cycling:
    """A prober, and what it tells."""

    prober: Prober
    peers: Peers
    board: Board
    directory: Path

    @property
    def state(self) -> dict[str, dict[str, Any]]:
        """peers.json, by peer."""
        return {each["peer"]: each for each in read_state(self.directory, "peers")["peers"]}

    def series(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """Values of a metric, by its labels' values, as a strict reader of the format sees them."""
        families = text_string_to_metric_families(self.board.text().decode())
        return {
            tuple(each.labels.values()): each.value
            for family in families
            for each in family.samples
            if each.name == f"podfleet_{name}" and labels.items() <= each.labels.items()
        }


def cycling(
    known: Sequence[Peer],
    directory: Path,
    authority: Authority | None = None,
    *,
    names: Names | None = None,
    limits: Limits = HASTY,
    max_peers: int = 1000,
) -> Cycling:
    peers, board = Peers(known), Board()
    asking = Asking("admin@example.org", authority.ca_file if authority else None, limits)
    prober = Prober(
        peers, board, asking, max_peers=max_peers, state=directory, look_up=names or Names()
    )
    return Cycling(prober, peers, board, directory)


@contextlib.asynccontextmanager
async def served(
    handlers: Mapping[str, Handler], authority: Authority
) -> AsyncIterator[dict[str, Peer]]:
    """Each handler as a peer of that name; two words and more become one name."""
    async with contextlib.AsyncExitStack() as stack:
        found = {}
        for words, handler in handlers.items():
            port = await stack.enter_async_context(peer(handler, authority.context(WILDCARD)))
            found[words] = Peer(host_of(words), port)
        yield found


def host_of(words: str) -> str:
    kept = "".join(character if character.isalnum() else "-" for character in words.lower())
    return f"{kept.strip('-')}.lab.test"
