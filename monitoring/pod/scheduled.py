"""The jobs that wait in sidekiq's schedule: how many, and whose deliveries are lost when.

diaspora* puts a failed delivery there itself, with the whole post: a job is looked into for the
hosts that it is for, and nothing of it is kept, exported or logged.
"""

from __future__ import annotations

import functools
import json
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from monitoring.board import Sample
from monitoring.metrics import PEER_LOST_AT, PEER_SENDS, SCHEDULED_JOBS, SCHEDULED_SENDS
from monitoring.pod.authority import MOST_PEERS, OTHER, authority_of
from monitoring.pod.redis_socket import RedisSocket

CHUNK = 250
BUDGET_SECONDS = 12.0
# The pod's setting environment.sidekiq.retry: its default, and the most that is believed. So many
# attempts are made, the first included; for a contact diaspora* makes some more.
ATTEMPTS, MOST_ATTEMPTS, MORE_FOR_A_CONTACT = 10, 100, 10
# Where the pod itself says how it is set: sidekiq-cron keeps each job of the timetable as it is put
# into its queue. Of sidekiq-cron 1 (diaspora* 0.9.0) the second; it stays there after an upgrade.
_SET_IN = ("cron_job:default:recurring_pod_check", "cron_job:recurring_pod_check")

# How long ago the first attempt failed, up to so many seconds.
AGES = (("10m", 600), ("1h", 3600), ("6h", 6 * 3600), ("1d", 86400), ("older", None))
_BOUNDS = tuple(bound for _, bound in AGES if bound is not None)

_WORKERS = "Workers::"
CLASSES = frozenset({
    "ArchiveBase", "CheckBirthday", "CleanCachedFiles", "CleanupOldExports", "CleanupPendingPhotos",
    "DeferredDispatch", "DeferredRetraction", "DeleteAccount", "ExportPhotos", "ExportUser",
    "FetchProfilePhoto", "FetchPublicPosts", "FetchWebfinger", "GatherOEmbedData",
    "GatherOpenGraphData", "ImportUser", "ProcessPhoto", "PublishToHub", "QueueUsersForRemoval",
    "ReceivePrivate", "ReceivePublic", "RecheckScheduledPods", "RecurringPodCheck", "RemoveOldUser",
    "ResetPassword", "SendPrivate", "SendPublic",
})  # fmt: skip


class TookTooLong(Exception):
    """The schedule is larger than can be read in time."""

    def __str__(self) -> str:
        return f"not read in {BUDGET_SECONDS:g} s"


@dataclass
class Tally:
    """What the jobs so far come to."""

    now: float
    attempts: int = ATTEMPTS
    classes: Counter[str] = field(default_factory=Counter)
    ages: Counter[str] = field(default_factory=Counter)
    sends: Counter[str] = field(default_factory=Counter)
    lost_at: dict[str, float] = field(default_factory=dict)

    def add(self, member: bytes, score: float) -> None:
        job = _job(member)
        name = class_label(job.get("class"))
        self.classes[name] += 1
        if name in ("SendPublic", "SendPrivate"):
            self._add_delivery(job.get("args"), score)

    def _add_delivery(self, args: object, score: float) -> None:
        if not isinstance(args, list) or len(args) < 3:
            return
        retry = args[-1] if isinstance(args[-1], int) else 1
        is_contact = isinstance(args[1], str) and args[1].startswith("Contact")
        peers = [peer for peer in map(authority_of, _urls(args[2])) if peer]
        self.ages[_age(self.now - _failed_at(score, retry))] += len(peers)
        last = self.attempts - 1 + (MORE_FOR_A_CONTACT if is_contact else 0)
        lost_at = _lost_at(score, retry, last)
        for peer in peers:
            self.sends[peer] += 1
            self.lost_at[peer] = min(lost_at, self.lost_at.get(peer, lost_at))


def scheduled_samples(
    redis: RedisSocket, pod: str, *, clock: Callable[[], float] = time.time
) -> list[Sample]:
    """All that the schedule tells now."""
    tally = tally_of(_members(redis), clock(), _attempts(redis))
    labels = (*sorted(CLASSES & tally.classes.keys() | {"SendPublic", "SendPrivate"}), OTHER)
    return [
        *((SCHEDULED_JOBS, (pod, name), tally.classes[name]) for name in labels),
        *((SCHEDULED_SENDS, (pod, age), tally.ages[age]) for age, _ in AGES),
        *_of_peers(pod, tally),
    ]


def tally_of(members: Iterable[tuple[bytes, float]], now: float, attempts: int = ATTEMPTS) -> Tally:
    """What these jobs come to, each with the time at which it is due."""
    tally = Tally(now, attempts)
    for member, score in members:
        tally.add(member, score)
    return tally


def class_label(name: object) -> str:
    """A job's class as a label; `other` for what we do not know."""
    short = name.removeprefix(_WORKERS) if isinstance(name, str) else OTHER
    return short if short in CLASSES else OTHER


def _attempts(redis: RedisSocket) -> int:
    """How often the pod tries to deliver; the default where it does not say."""
    for reply in redis.ask_all([("HGET", key, "message") for key in _SET_IN]):
        retry = _job(reply).get("retry") if isinstance(reply, bytes) else None
        if type(retry) is int:
            return min(max(retry, 1), MOST_ATTEMPTS)
    return ATTEMPTS


def _of_peers(pod: str, tally: Tally) -> Iterator[Sample]:
    sends: Counter[str] = Counter()
    lost_at: dict[str, float] = {}
    for place, (peer, count) in enumerate(tally.sends.most_common()):
        label = peer if place < MOST_PEERS else OTHER
        sends[label] += count
        lost_at[label] = min(tally.lost_at[peer], lost_at.get(label, tally.lost_at[peer]))
    yield from ((PEER_SENDS, (pod, peer), count) for peer, count in sends.items())
    yield from ((PEER_LOST_AT, (pod, peer), at) for peer, at in lost_at.items())


def _members(redis: RedisSocket) -> Iterator[tuple[bytes, float]]:
    """Each job and when it is due. Jobs that come and go meanwhile may be missed once."""
    deadline = time.monotonic() + BUDGET_SECONDS
    first = 0
    while True:
        seen = 0
        parts = redis.ask_for_many("ZRANGE", "schedule", first, first + CHUNK - 1, "WITHSCORES")
        for member, score in zip(parts, parts, strict=True):
            seen += 1
            if isinstance(member, bytes | None) and isinstance(score, bytes):
                yield member or b"", float(score)
        if seen < CHUNK:
            return
        first += CHUNK
        if time.monotonic() > deadline:
            raise TookTooLong


def _job(member: bytes) -> dict[str, Any]:
    try:
        job = json.loads(member.decode())
    except (ValueError, RecursionError):
        return {}
    return job if isinstance(job, dict) else {}


def _urls(targets: object) -> list[str]:
    """Where a delivery goes: a list of URLs, or a map with them as keys."""
    if not isinstance(targets, list | dict):
        return []
    return [url for url in targets if isinstance(url, str)]


@functools.cache
def _waits(first: int, last: int) -> float:
    """How long diaspora* waits before these retries, at least."""
    return float(sum((retry + 3) ** 4 for retry in range(first, last + 1)))


def _failed_at(score: float, retry: int) -> float:
    """When the first attempt failed, whose retry is due at `score`."""
    return score - _waits(1, _known(retry))


def _lost_at(score: float, retry: int, last: int) -> float:
    """When the last retry is due: if that fails too, the delivery is given up."""
    return score + _waits(_known(retry) + 1, last)


def _known(retry: int) -> int:
    """Which of the retries it is that diaspora* makes, whatever the job says."""
    return min(max(retry, 1), MOST_ATTEMPTS + MORE_FOR_A_CONTACT)


def _age(seconds: float) -> str:
    return AGES[bisect_right(_BOUNDS, seconds)][0]
