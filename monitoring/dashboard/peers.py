"""What is known of each peer: its bucket, why, and how long until something is lost.

The pod's table says since when it is offline, the prober whether it can be reached now.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.dashboard.reading import Reading

PANELS = ("peer_contacts", "peer_success", "peer_reason", "peer_probed", "peer_certificate",
          "peer_offline", "peer_lost", "peer_cut_off", "peer_sends")  # fmt: skip
BUCKETS = {
    "dead": "dead > 2 d",
    "failing": "failing",
    "lagging": "lagging > 10 min",
    "unknown": "not probed yet",
    "current": "current",
}
_ORDER = {bucket: place for place, bucket in enumerate(BUCKETS)}
DEAD_AFTER = 2 * 86400.0
LAGGING_AFTER = 600.0
# diaspora* tries a delivery nine times, (n + 3)^4 seconds apart: then it is lost.
RETRIES_SECONDS = float(sum((n + 3) ** 4 for n in range(1, 10)))


@dataclass(frozen=True, slots=True)
class PeerLine:
    """Times in seconds since 1970; None where there is none, or it is not known."""

    name: str
    bucket: str
    contacts: float | None
    reason: str | None
    offline_since: float | None
    lost_at: float | None
    cut_off_at: float | None
    sends: float | None
    probed_at: float | None
    is_stale: bool
    certificate: float | None

    @property
    def order(self) -> int:
        """The worst bucket first."""
        return _ORDER[self.bucket]


def peer_lines(reading: Reading) -> list[PeerLine]:
    """Every peer that the pods' tables or the prober name."""
    contacts, success = reading.by("peer_contacts"), reading.by("peer_success")
    reasons = reading.chosen("peer_reason")
    probed, certificate = reading.by("peer_probed"), reading.by("peer_certificate")
    offline, lost = reading.by("peer_offline"), reading.by("peer_lost")
    cut_off, sends = reading.by("peer_cut_off"), reading.by("peer_sends")
    now, stale_after = reading.now, reading.settings.stale_after("probe")
    found = []
    for name in {*contacts, *success, *offline}:
        since, lost_at, at = offline.get(name), lost.get(name), probed.get(name)
        waits = _waits(now, lost_at, sends.get(name))
        found.append(
            PeerLine(
                name,
                _bucket(now, success.get(name), since, waits),
                contacts.get(name),
                reasons.get((name,)),
                since,
                lost_at,
                cut_off.get(name),
                sends.get(name),
                at,
                at is not None and now - at > stale_after,
                certificate.get(name),
            )
        )
    return found


def _waits(now: float, lost_at: float | None, sends: float | None) -> float:
    """How long, at least, the oldest delivery has waited."""
    if not sends or lost_at is None:
        return 0
    return max(0, RETRIES_SECONDS - (lost_at - now))


def _bucket(now: float, success: float | None, since: float | None, waits: float) -> str:
    if since is not None and now - since > DEAD_AFTER:
        return "dead"
    if success == 0 or since is not None:
        return "failing"
    if waits > LAGGING_AFTER:
        return "lagging"
    return "unknown" if success is None else "current"
