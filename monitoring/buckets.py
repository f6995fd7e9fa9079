"""The four buckets that peers fall into, and who is in none of them yet."""

from __future__ import annotations

from enum import StrEnum

DEAD_SECONDS = 2 * 86400.0
LAGGING_SECONDS = 600.0
# diaspora* tries a delivery nine times, (n + 3)^4 seconds apart: then it is lost.
RETRIES_SECONDS = float(sum((n + 3) ** 4 for n in range(1, 10)))


class Bucket(StrEnum):
    """The worst one first."""

    DEAD = "dead"
    FAILING = "failing"
    LAGGING = "lagging"
    UNKNOWN = "unknown"
    CURRENT = "current"


WORDS = {
    Bucket.DEAD: "dead > 2 d",
    Bucket.FAILING: "failing",
    Bucket.LAGGING: "lagging > 10 min",
    Bucket.UNKNOWN: "not probed yet",
    Bucket.CURRENT: "current",
}


def bucket_of(
    now: float,
    *,
    is_reached: bool | None,
    offline_since: float | None,
    sends: float | None,
    lost_at: float | None,
) -> Bucket:
    """Where a peer belongs: by our probe (None: not probed), by the pod's own table, and by what
    waits for it. Times in seconds since 1970."""
    if offline_since is not None and now - offline_since > DEAD_SECONDS:
        return Bucket.DEAD
    if is_reached is False or offline_since is not None:
        return Bucket.FAILING
    if waited_seconds(now, sends, lost_at) > LAGGING_SECONDS:
        return Bucket.LAGGING
    return Bucket.UNKNOWN if is_reached is None else Bucket.CURRENT


def waited_seconds(now: float, sends: float | None, lost_at: float | None) -> float:
    """How long, at least, the oldest delivery has waited."""
    if not sends or lost_at is None:
        return 0.0
    return max(0.0, RETRIES_SECONDS - (lost_at - now))
