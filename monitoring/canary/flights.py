"""What a canary found out: one flight from one pod to another, and how patient it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from monitoring.reasons import Reason, words

State = Literal["ok", "late", "lost", "unknown"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Patience:
    """How long a canary waits, in seconds."""

    late_after: float = 10.0
    lost_after: float = 60.0
    # Who has not answered at all for so long is given up: nothing is known of the post.
    silent_after: float = 60.0
    retraction: float = 30.0
    first_poll: float = 0.05
    longest_poll: float = 1.0
    # Younger posts of the canary's are left alone: they may be flying right now.
    leftover_age: float = 600.0
    # Senders that fly at the same time.
    senders: int = 4


@dataclass(frozen=True)
class Flight:
    """One post from one pod to another.

    ok and late: it arrived. lost: the receiver answered until the end, and did not have it.
    unknown: one of the two could not be asked, and `reason` says why.
    """

    sender: str
    receiver: str
    state: State
    at: str
    arrival_seconds: float | None = None
    retraction_seconds: float | None = None
    reason: Reason | None = None
    # How long the sender took to answer, and to hand the post over to the receiver from then on.
    post_seconds: float | None = None
    delivery_seconds: float | None = None

    @property
    def has_arrived(self) -> bool:
        return self.state in ("ok", "late")

    @property
    def receipt_seconds(self) -> float | None:
        """From the hand-over to the copy's being there for all to read."""
        if self.arrival_seconds is None or self.delivery_seconds is None:
            return None
        return max(self.arrival_seconds - self.delivery_seconds, 0.0)

    def line(self) -> str:
        """The flight in words."""
        way = f"{self.sender} -> {self.receiver}"
        if self.arrival_seconds is None:
            return f"{way}: {self.state}: {words(self.reason)}"
        text = f"{way}: {self.state}: arrived after {self.arrival_seconds:.2f} s"
        if self.retraction_seconds is not None:
            return f"{text}, gone {self.retraction_seconds:.2f} s after it was taken back"
        return f"{text}, but: {words(self.reason)}"

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Flight:
        """What to_json gave; KeyError or ValueError where it is something else."""
        if told["state"] not in STATES:
            raise ValueError(f"no state of a flight: {told['state']!r}")
        return Flight(
            str(told["from"]),
            str(told["to"]),
            told["state"],
            str(told["at"]),
            told["arrival_seconds"],
            told["retraction_seconds"],
            None if told["reason"] is None else Reason(told["reason"]),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "from": self.sender,
            "to": self.receiver,
            "state": self.state,
            "arrival_seconds": self.arrival_seconds,
            "retraction_seconds": self.retraction_seconds,
            "at": self.at,
            "reason": None if self.reason is None else str(self.reason),
        }


def pairs_to_json(flights: Sequence[Flight]) -> dict[str, Any]:
    """The shape that `canary --json` promises."""
    return {"pairs": [flight.to_json() for flight in flights]}
