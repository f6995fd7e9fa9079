"""How a peer is called in a label: host, and the port where it is not the scheme's own."""

from __future__ import annotations

import functools

from monitoring.peers import Peer

OTHER = "other"
# So many peers of a pod have series of their own, those with the most contacts first.
MOST_PEERS = 10_000
_PORTS = {True: 443, False: 80}
_LONGEST = 255


def peer_of(
    host: str, port: int | None, is_tls: bool, contacts: int = 0, offline_since: float | None = None
) -> Peer:
    """A row of the pods table; port -1 is the scheme's own."""
    own = port is None or port <= 0 or port == _PORTS[is_tls]
    name = host.strip().lower().rstrip(".")[:_LONGEST]
    return Peer(name, None if own else port, is_tls, contacts, offline_since)


def authority_of(url: str) -> str | None:
    """The peer that a delivery's URL leads to; None where it names none."""
    scheme, separator, rest = url[: 2 * _LONGEST].partition("://")
    return _authority(scheme, rest.partition("/")[0]) if separator else None


@functools.lru_cache(maxsize=4 * 1024)
def _authority(scheme: str, authority: str) -> str | None:
    scheme, authority = scheme.lower(), authority.rpartition("@")[2].lower()
    if scheme not in ("https", "http"):
        return None
    host, colon, port = authority.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit():
        host, port = authority, "0"
    peer = peer_of(host, int(port), scheme == "https")
    return peer.authority if peer.host else None
