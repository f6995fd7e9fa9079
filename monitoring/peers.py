"""The peers that are worth probing: what the pods of this host know of, and how much hangs on it.

The exporter reads them from each pod's table; the prober takes them from here.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """Another server of the federation, as one pod knows it."""

    host: str
    # None: the scheme's own.
    port: int | None = None
    is_tls: bool = True
    # Contacts that the pod's users have there.
    contacts: int = 0
    # Seconds since 1970.
    offline_since: float | None = None

    @property
    def authority(self) -> str:
        """What a metric's label `peer` says."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.is_tls else 'http'}://{self.authority}"


class Peers:
    """What is known of all pods; safe between threads."""

    def __init__(self, given: Sequence[Peer] = ()) -> None:
        self._given = tuple(given)
        self._of: dict[str, tuple[Peer, ...]] = {}
        self._lock = threading.Lock()

    def learn(self, pod: str, peers: Sequence[Peer]) -> None:
        """What one pod's table says now, in place of what it said before."""
        with self._lock:
            self._of[pod] = tuple(peers)

    def all(self) -> list[Peer]:
        """Each peer once: contacts added up, offline since the earliest that a pod says."""
        with self._lock:
            known = [*self._given, *(peer for peers in self._of.values() for peer in peers)]
        merged: dict[str, Peer] = {}
        for peer in known:
            merged[peer.authority] = _joined(merged.get(peer.authority), peer)
        return list(merged.values())


def _joined(one: Peer | None, other: Peer) -> Peer:
    if one is None:
        return other
    since = [when for when in (one.offline_since, other.offline_since) if when is not None]
    return Peer(
        other.host,
        other.port,
        one.is_tls or other.is_tls,
        one.contacts + other.contacts,
        min(since, default=None),
    )
