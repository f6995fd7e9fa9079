"""What a log says of a stretch of time: counts by kind, what failed, how slow, how long silent."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.load.record import Record

# Answered by the web server alone: they say nothing of the pod behind it.
_STATIC = "/assets/"


@dataclass(frozen=True)
class Summary:
    """Every request that was under way in the stretch, a part of its time at least."""

    counts: dict[str, int]
    failed: int
    # The slowest request's seconds, and which one it was.
    slowest: float
    slowest_what: str
    # The longest time in which the pod itself answered nothing.
    longest_gap: float
    # How requests failed, and how often.
    failures: dict[str, int] = field(default_factory=dict)
    # POSTs of every kind but photos, and photos.
    posts: int = 0
    uploads: int = 0


def summarise(everything: Sequence[Record], begin: float, end: float) -> Summary:
    """What was under way between the two moments."""
    records = [record for record in everything if record.due <= end and record.end >= begin]
    failures = Counter(
        f"{record.kind}: {record.error or record.status}" for record in records if record.has_failed
    )
    slowest = max(records, key=lambda record: record.seconds, default=None)
    return Summary(
        counts=dict(sorted(Counter(record.kind for record in records).items())),
        failed=sum(failures.values()),
        slowest=slowest.seconds if slowest else 0.0,
        slowest_what=f"{slowest.method} {slowest.path}" if slowest else "",
        longest_gap=longest_gap(records, begin, end),
        failures=dict(failures),
        posts=sum(record.method == "POST" and not _is_upload(record) for record in records),
        uploads=sum(map(_is_upload, records)),
    )


def longest_gap(records: Sequence[Record], begin: float, end: float) -> float:
    """The longest time in the stretch in which no good answer of the pod's came."""
    ends = sorted(
        record.end
        for record in records
        if begin < record.end < end
        and not record.has_failed
        and not record.path.startswith(_STATIC)
    )
    return max(later - earlier for earlier, later in itertools.pairwise([begin, *ends, end]))


def _is_upload(record: Record) -> bool:
    return record.kind in ("upload", "trickle")
