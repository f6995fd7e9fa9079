"""How the canary's last flights ended, pair by pair, from one reading.

A page that shows them asks the panels FLIGHTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitoring.dashboard.reading import Reading

FLIGHTS = ("pair_state", "pair_reason", "pair_arrival", "pair_retraction", "pair_stuck",
           "pair_at", "pair_last_good")  # fmt: skip


@dataclass(frozen=True)
class Flight:
    """From one pod to another; times in seconds since 1970, None where not known."""

    sender: str
    receiver: str
    state: str
    reason: str | None
    arrival: float | None
    retraction: float | None
    is_stuck: bool
    at: float | None
    last_good: float | None
    is_stale: bool

    @property
    def is_good(self) -> bool:
        return self.state == "ok" and not self.is_stuck


def flights(reading: Reading) -> list[Flight]:
    """All pairs that have flown, by name."""
    states, at = reading.chosen("pair_state"), reading.values("pair_at")
    stale_after = reading.settings.stale_after("canary")
    reasons = reading.chosen("pair_reason")
    arrival, retraction = reading.values("pair_arrival"), reading.values("pair_retraction")
    stuck, good = reading.values("pair_stuck"), reading.values("pair_last_good")
    return [
        Flight(
            pair[0],
            pair[1],
            states.get(pair, "unknown"),
            reasons.get(pair),
            arrival.get(pair),
            retraction.get(pair),
            bool(stuck.get(pair)),
            at.get(pair),
            good.get(pair),
            reading.now - at.get(pair, reading.now) > stale_after,
        )
        for pair in sorted({*states, *at})
    ]


def pods_of(all_flights: Sequence[Flight]) -> list[str]:
    return sorted({name for one in all_flights for name in (one.sender, one.receiver)})
