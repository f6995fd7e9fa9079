"""The peers of a fleet's pods: whom each reaches, whom not since when, and what is lost next.

`peers --json` is a promise to other programs: keys may be added, none is renamed or left out.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from monitoring import metrics
from monitoring.buckets import Bucket, bucket_of
from monitoring.metrics import Metric
from monitoring.reasons import WORDS, Reason, words
from provision.columns import columns
from provision.errors import PodfleetError
from provision.fleet.model import Fleet, Pod
from provision.looking import select
from provision.report import Report
from provision.watching import Told, monitoring_of, told_by

_HOUR = 3600.0
# Those beyond the ten thousand of a pod that have names.
OTHER = "other"
_THE_OTHERS = "all the others together, which have the fewest contacts"
_ORDER = {bucket: place for place, bucket in enumerate(Bucket)}
_REACHED = (Bucket.CURRENT, Bucket.LAGGING)
_COUNTED = (Bucket.CURRENT, Bucket.LAGGING, Bucket.FAILING, Bucket.DEAD)


@dataclass(frozen=True)
class PeerState:
    """One peer as one pod's host knows it; None is not known. Times in seconds since 1970."""

    peer: str
    bucket: Bucket
    # Why our own probe failed, in the word of a closed set.
    reason: str | None
    words: str
    contacts: float | None
    offline_since: float | None
    lost_at: float | None
    cut_off_at: float | None
    waiting: float | None
    probed_at: float | None
    # By the clock of the host that knows.
    now: float

    @property
    def order(self) -> tuple[int, float, str]:
        """The worst bucket first; in it, what most contacts hang on."""
        return _ORDER[self.bucket], -(self.contacts or 0), self.peer

    def to_json(self) -> dict[str, Any]:
        return {
            "peer": self.peer,
            "bucket": str(self.bucket),
            "reason": self.reason,
            "words": self.words,
            "contacts": None if self.contacts is None else int(self.contacts),
            "waiting": None if self.waiting is None else int(self.waiting),
            "offline_since": _moment(self.offline_since),
            "hours_until_loss": _hours(self.now, self.lost_at),
            "hours_until_cut_off": _hours(self.now, self.cut_off_at),
            "probed_at": _moment(self.probed_at),
        }


@dataclass(frozen=True)
class PodPeers:
    """A pod and its peers, the worst first; `error` says why nothing is known of them."""

    pod: str
    host: str
    peers: tuple[PeerState, ...] = ()
    error: str | None = None

    @property
    def buckets(self) -> dict[str, int]:
        counted = Counter(each.bucket for each in self.peers)
        return {str(bucket): counted[bucket] for bucket in Bucket}

    @property
    def reach(self) -> float | None:
        """The share of contacts on peers that are reached, of those that are known to be or not."""
        known = [each for each in self.peers if each.bucket in _COUNTED]
        total = sum(each.contacts or 0 for each in known)
        reached = sum(each.contacts or 0 for each in known if each.bucket in _REACHED)
        return reached / total if total else None

    def to_json(self) -> dict[str, Any]:
        return {
            "pod": self.pod,
            "host": self.host,
            "error": self.error,
            "reach": None if self.reach is None else round(self.reach, 4),
            "buckets": self.buckets,
            "peers": [each.to_json() for each in self.peers],
        }

    def lines(self) -> list[str]:
        """A headline, and a table of all peers."""
        if self.error is not None:
            return [f"pod {self.pod}: {self.error}"]
        counts = ", ".join(f"{count} {bucket}" for bucket, count in self.buckets.items() if count)
        heads = ("PEER", "BUCKET", "CONTACTS", "WAITING", "LOSS IN", "CUT OFF IN", "WHY")
        headline = f"pod {self.pod}: {counts or 'no peers'}{_reach_words(self.reach)}"
        return [headline, *(columns(heads, map(_row, self.peers)) if self.peers else [])]


def peers(fleet: Fleet, report: Report, *, pods: Sequence[str] = ()) -> tuple[PodPeers, ...]:
    """The peers of these pods (all unless named); a host that does not answer is part of it."""
    monitoring_of(fleet)
    chosen = select(fleet, pods, ())
    hosts = [fleet.hosts[name] for name in dict.fromkeys(pod.host for pod in chosen)]

    def ask(name: str) -> Told | PodfleetError:
        try:
            return told_by(fleet, fleet.hosts[name], report)
        except PodfleetError as error:
            return error

    with ThreadPoolExecutor(max_workers=min(32, len(hosts) or 1)) as threads:
        names = [host.name for host in hosts]
        told = dict(zip(names, threads.map(ask, names), strict=True))
    return tuple(_peers_of(pod, told[pod.host]) for pod in chosen)


def _peers_of(pod: Pod, told: Told | PodfleetError) -> PodPeers:
    if isinstance(told, PodfleetError):
        return PodPeers(pod.name, pod.host, error=str(told))
    return pod_peers(pod.name, pod.host, told)


def pod_peers(pod: str, host: str, told: Told) -> PodPeers:
    """One pod's peers, out of what its host's monitor told."""
    if not told.series.values(metrics.SOURCE_UP, pod, "source").get("database"):
        return PodPeers(pod, host, error="its table of pods could not be read: see podfleet status")
    of = {metric: told.series.values(metric, pod, "peer") for metric in _OF_PEERS}
    names = {name for values in of.values() for name in values}
    found = (
        _state(name, told, {metric: of[metric].get(name) for metric in _OF_PEERS}) for name in names
    )
    return PodPeers(pod, host, tuple(sorted(found, key=lambda each: each.order)))


_OF_PEERS = (
    metrics.PEER_CONTACTS,
    metrics.PEER_OFFLINE_SINCE,
    metrics.PEER_LOST_AT,
    metrics.PEER_CUT_OFF_AT,
    metrics.PEER_SENDS,
)


def _state(name: str, told: Told, value: Mapping[Metric, float | None]) -> PeerState:
    probe = told.probes.get(name)
    reason = None if probe is None else probe["reason"]
    offline_since, lost_at = value[metrics.PEER_OFFLINE_SINCE], value[metrics.PEER_LOST_AT]
    sends = value[metrics.PEER_SENDS]
    bucket = bucket_of(
        told.now,
        is_reached=None if probe is None else reason is None,
        offline_since=offline_since,
        sends=sends,
        lost_at=lost_at,
    )
    return PeerState(
        peer=name,
        bucket=bucket,
        reason=reason,
        words=_THE_OTHERS if name == OTHER else _why(bucket, reason),
        contacts=value[metrics.PEER_CONTACTS],
        offline_since=offline_since,
        lost_at=lost_at,
        cut_off_at=value[metrics.PEER_CUT_OFF_AT],
        waiting=sends,
        probed_at=None if probe is None else float(probe["at"]),
        now=told.now,
    )


def _why(bucket: Bucket, reason: str | None) -> str:
    if reason is not None:
        known = reason in set(Reason)
        return WORDS[Reason(reason)] if known else reason.replace("_", " ")
    return {
        Bucket.DEAD: "the pod holds it to be offline, though it answers our probe",
        Bucket.FAILING: "the pod holds it to be offline, though it answers our probe",
        Bucket.LAGGING: "deliveries to it have waited for more than ten minutes",
        Bucket.UNKNOWN: "not probed yet",
        Bucket.CURRENT: words(None),
    }[bucket]


def peers_json(found: Iterable[PodPeers]) -> dict[str, Any]:
    """The shape that `peers --json` promises."""
    return {"pods": [each.to_json() for each in found]}


def _row(each: PeerState) -> tuple[str, ...]:
    return (
        each.peer,
        str(each.bucket),
        _count(each.contacts),
        _count(each.waiting),
        _hours_words(_hours(each.now, each.lost_at)),
        _hours_words(_hours(each.now, each.cut_off_at)),
        each.words if each.bucket is not Bucket.CURRENT else "-",
    )


def _moment(when: float | None) -> str | None:
    if when is None:
        return None
    return dt.datetime.fromtimestamp(when, dt.UTC).isoformat(timespec="seconds")


def _hours(now: float, then: float | None) -> float | None:
    return None if then is None else round((then - now) / _HOUR, 2)


def _hours_words(hours: float | None) -> str:
    if hours is None:
        return "-"
    if hours <= 0:
        return "now"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _reach_words(share: float | None) -> str:
    return "" if share is None else f"; {share:.1%} of its users' contacts are reached"
