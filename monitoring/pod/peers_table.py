"""The pod's own view of its peers: its table of pods, and how many contacts hang on each.

`error` keeps its old words after a success: only `status` and `offline_since` tell how it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitoring.board import Sample
from monitoring.metrics import PEER_CONTACTS, PEER_CUT_OFF_AT, PEER_OFFLINE_SINCE, PEERS
from monitoring.peers import Peer
from monitoring.pod.authority import MOST_PEERS, OTHER, peer_of
from monitoring.pod.upstream_reasons import reason_of
from monitoring.reasons import Reason

CUT_OFF_SECONDS = 14 * 86400
# In the order of diaspora*'s numbers.
STATUSES = (
    "unchecked",
    "no_errors",
    "dns_failed",
    "net_failed",
    "ssl_failed",
    "http_failed",
    "version_failed",
    "unknown_error",
)
_WELL = ("unchecked", "no_errors")
# Where the words tell nothing, the status does.
_OF_STATUS = {
    "dns_failed": Reason.NAME_UNRESOLVED,
    "net_failed": Reason.UNREACHABLE,
    "ssl_failed": Reason.TLS_FAILED,
    "version_failed": Reason.NO_KNOWN_NODEINFO,
}
NO_REASON, UNKNOWN = "none", "unknown"


@dataclass(frozen=True)
class Row:
    """One peer, and how the pod holds it to be."""

    peer: Peer
    status: str
    reason: str


def row_of(values: Sequence[Any], contacts: int) -> Row:
    """From (host, port, ssl, status, error, offline_since)."""
    host, port, is_tls, number, error, offline_since = values
    known = isinstance(number, int) and 0 <= number < len(STATUSES)
    status = STATUSES[number] if known else UNKNOWN
    peer = peer_of(str(host or ""), port, is_tls is not False, contacts, offline_since)
    return Row(peer, status, _reason(status, str(error or "")))


def peer_samples(pod: str, rows: Iterable[Row], *, has_contacts: bool) -> Iterator[Sample]:
    """All that is said of peers; those with the most contacts by name, the rest as `other`."""
    rows = list(rows)
    groups = Counter((row.status, row.reason) for row in rows)
    yield from ((PEERS, (pod, *group), count) for group, count in groups.items())
    peers = worth_naming(rows)
    for peer in peers[:MOST_PEERS]:
        yield from _of_peer(pod, peer, has_contacts=has_contacts)
    if has_contacts and (rest := peers[MOST_PEERS:]):
        yield PEER_CONTACTS, (pod, OTHER), sum(peer.contacts for peer in rest)


def worth_naming(rows: Iterable[Row]) -> list[Peer]:
    """Each peer once, those with the most contacts first.

    A table may hold a peer twice, by an upper-case name or by its usual port: then it is well
    where one of the two is.
    """
    peers: dict[str, Peer] = {}
    for row in rows:
        peer, known = row.peer, peers.get(row.peer.authority)
        if known is not None:
            since = (
                None if None in (known.offline_since, peer.offline_since) else known.offline_since
            )
            peer = replace(known, contacts=known.contacts + peer.contacts, offline_since=since)
        if peer.host:
            peers[peer.authority] = peer
    return sorted(peers.values(), key=lambda peer: (-peer.contacts, peer.offline_since is None))


def _of_peer(pod: str, peer: Peer, *, has_contacts: bool) -> Iterator[Sample]:
    labels = (pod, peer.authority)
    if has_contacts:
        yield PEER_CONTACTS, labels, peer.contacts
    if peer.offline_since is not None:
        yield PEER_OFFLINE_SINCE, labels, peer.offline_since
        yield PEER_CUT_OFF_AT, labels, peer.offline_since + CUT_OFF_SECONDS


def _reason(status: str, error: str) -> str:
    if status in _WELL:
        return NO_REASON
    reason = reason_of(error) or _OF_STATUS.get(status)
    return UNKNOWN if reason is None else reason.value
