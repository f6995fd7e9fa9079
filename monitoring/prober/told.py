"""What the prober tells of the peers: samples for the board, and the state that people look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from monitoring import metrics
from monitoring.board import Sample
from monitoring.prober.nodeinfo_rules import listed
from monitoring.prober.standing import Outcome, Standing, Standings
from monitoring.reasons import words
from monitoring.versions import release_number

OTHER = "other"
# What speaks to diaspora*, or is often met where it is asked for; a stranger's own word for its
# software is no label.
SOFTWARE = listed(
    "diaspora friendica hubzilla streams socialhome ganggo mastodon misskey pleroma peertube "
    "pixelfed gotosocial lemmy snac writefreely wordpress"
)
# From so many peers on, a release counts only if a second one runs it, or a newer one: what a
# single peer says of itself may be a joke.
_DOUBTING = 3


def samples(standings: Standings, duration: float, lag: float) -> Iterator[Sample]:
    """At most nine a peer."""
    named, others = _seen(standings.named()), _seen(standings.others())
    for standing, outcome in named:
        yield from _of_peer(standing.peer.authority, outcome)
    if others:
        yield (metrics.PROBE_SUCCESS, (OTHER,), _share(others))
        yield (metrics.PROBE_TIMESTAMP, (OTHER,), min(outcome.at for _, outcome in others))
    outcomes = [outcome for _, outcome in (*named, *others)]
    for software, count in _software(outcomes).items():
        yield (metrics.PROBE_SOFTWARE, (software,), count)
    if (newest := _newest(outcomes)) is not None:
        yield (metrics.PROBE_NEWEST, (), newest)
    yield (metrics.PROBE_CYCLE_SECONDS, (), duration)
    yield (metrics.PROBE_CYCLE_LAG, (), lag)
    yield (metrics.PROBE_PEERS, (), len(standings))


def _seen(standings: Iterable[Standing]) -> list[tuple[Standing, Outcome]]:
    return [(each, each.outcome) for each in standings if each.outcome is not None]


def _of_peer(peer: str, outcome: Outcome) -> Iterator[Sample]:
    yield (metrics.PROBE_SUCCESS, (peer,), outcome.reason is None)
    yield (metrics.PROBE_TIMESTAMP, (peer,), outcome.at)
    yield (metrics.PROBE_SECONDS, (peer,), outcome.seconds)
    if outcome.reason is not None:
        yield (metrics.PROBE_REASON, (peer, outcome.reason.value), 1)
    for family, is_reachable in outcome.families.items():
        yield (metrics.PROBE_REACHABLE, (peer, family), is_reachable)
    if outcome.certificate_expires is not None:
        yield (metrics.PROBE_CERTIFICATE, (peer,), outcome.certificate_expires)
    if outcome.software is not None:
        yield (metrics.PROBE_VALID, (peer,), outcome.is_valid)


def _share(seen: Sequence[tuple[Standing, Outcome]]) -> float:
    """How much of what hangs on these peers is reached: by contacts, or all alike without any."""
    weights = [standing.peer.contacts for standing, _ in seen]
    if not any(weights):
        weights = [1] * len(seen)
    pairs = zip(weights, seen, strict=True)
    return sum(weight for weight, (_, outcome) in pairs if outcome.reason is None) / sum(weights)


def _software(outcomes: Iterable[Outcome]) -> Counter[str]:
    names = (outcome.software.lower() for outcome in outcomes if outcome.software is not None)
    return Counter(name if name in SOFTWARE else OTHER for name in names)


def _newest(outcomes: Iterable[Outcome]) -> int | None:
    of_pods = (each.version for each in outcomes if (each.software or "").lower() == "diaspora")
    numbers = [release_number(version) for version in of_pods if version is not None]
    releases = sorted((number for number in numbers if number is not None), reverse=True)
    if not releases:
        return None
    return releases[1] if len(releases) >= _DOUBTING else releases[0]


def state(standings: Standings, at: float) -> dict[str, Any]:
    """What `podfleet peers` reads."""
    seen = _seen((*standings.named(), *standings.others()))
    return {"at": at, "peers": [_told(standing, outcome) for standing, outcome in seen]}


def _told(standing: Standing, outcome: Outcome) -> dict[str, Any]:
    return {
        "peer": standing.peer.authority,
        "reason": outcome.reason,
        "words": words(outcome.reason),
        "software": outcome.software,
        "version": outcome.version,
        "seconds": round(outcome.seconds, 4),
        "contacts": standing.peer.contacts,
        "offline_since": standing.peer.offline_since,
        "certificate_expires": outcome.certificate_expires,
        "families": dict(outcome.families),
        "at": outcome.at,
    }
