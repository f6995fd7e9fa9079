"""What is known of each peer: its bucket, why, and how long until something is lost.

The pod's table says since when it is offline, the prober whether it can be reached now.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.buckets import WORDS, bucket_of
from monitoring.dashboard.reading import Reading

PANELS = ("peer_contacts", "peer_success", "peer_reason", "peer_probed", "peer_certificate",
          "peer_offline", "peer_lost", "peer_cut_off", "peer_sends")  # fmt: skip
BUCKETS = {str(bucket): words for bucket, words in WORDS.items()}
_ORDER = {bucket: place for place, bucket in enumerate(BUCKETS)}


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
        bucket = bucket_of(
            now,
            is_reached=None if name not in success else bool(success[name]),
            offline_since=since,
            sends=sends.get(name),
            lost_at=lost_at,
        )
        found.append(
            PeerLine(
                name,
                str(bucket),
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
