"""What a pod's log tells: attempts to deliver, how long they took, what was given up or received.

Totals and place are kept together in the monitor's state, written after each reading: a monitor
that is restarted goes on where it was, and counts nothing twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monitoring.board import Histogram, Sample
from monitoring.metrics import ABANDONED, DELIVERIES, DELIVERY_SECONDS, RECEIVED, SKIPPED
from monitoring.pod.log_lines import (
    OUTCOMES,
    RECEPTIONS,
    Abandoned,
    Attempt,
    Event,
    Received,
    Skipped,
    events,
)
from monitoring.pod.log_tail import START, Position, Tail
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Reading, Unread
from monitoring.state import DIRECTORY, read_state, write_state

FORMAT = 1
# A flood of lines is caught up with over some readings.
MOST_BYTES = 16 << 20


class KeptHistogram(Histogram):
    """A histogram that outlives the process."""

    def to_json(self) -> dict[str, Any]:
        with self._lock:
            return {"counts": list(self._counts), "sum": self._sum}

    def take_up(self, told: Any) -> None:
        """What was kept; of other buckets than today's it says nothing."""
        counts = [int(count) for count in told["counts"]]
        if len(counts) == len(self._counts) and min(counts) >= 0:
            with self._lock:
                self._counts, self._sum = counts, float(told["sum"])


class Totals:
    """Counted since this pod was first watched here. What was never seen is 0: it is counted."""

    def __init__(self) -> None:
        self.deliveries = dict.fromkeys(OUTCOMES, 0)
        self.received = dict.fromkeys(RECEPTIONS, 0)
        self.abandoned = self.skipped = 0
        self.seconds = KeptHistogram(DELIVERY_SECONDS)

    def add(self, event: Event) -> None:
        match event:
            case Attempt(outcome, seconds):
                self.deliveries[outcome] += 1
                if seconds is not None:
                    self.seconds.observe(seconds)
            case Received(outcome):
                self.received[outcome] += 1
            case Abandoned(count):
                self.abandoned += count
            case Skipped(count):
                self.skipped += count

    def samples(self, pod: str) -> Iterator[Sample]:
        for outcome, count in self.deliveries.items():
            yield DELIVERIES, (pod, outcome), count
        for outcome, count in self.received.items():
            yield RECEIVED, (pod, outcome), count
        yield ABANDONED, (pod,), self.abandoned
        yield SKIPPED, (pod,), self.skipped

    def to_json(self) -> dict[str, Any]:
        return {
            "deliveries": self.deliveries, "received": self.received, "abandoned": self.abandoned,
            "skipped": self.skipped, "seconds": self.seconds.to_json(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, told: Any) -> Totals:
        """Outcomes that today's words do not know are among the others."""
        totals = cls()
        for kept, known in ((told["deliveries"], "deliveries"), (told["received"], "received")):
            counts = getattr(totals, known)
            for outcome, count in kept.items():
                counts[outcome if outcome in counts else "other"] += int(count)
        totals.abandoned, totals.skipped = int(told["abandoned"]), int(told["skipped"])
        totals.seconds.take_up(told["seconds"])
        return totals


class DeliveryLog:
    """One pod's log, read again and again."""

    def __init__(self) -> None:
        self._tail: Tail | None = None
        self._totals = Totals()

    def collect(self, place: PodPlace) -> Reading:
        if self._tail is None:
            self._tail, self._totals = _taken_up(place)
        before = self._tail.position
        try:
            for lines in self._tail.chunks(MOST_BYTES):
                for event in events(lines):
                    self._totals.add(event)
        except FileNotFoundError:
            if self._tail.position is None:
                # Whatever it says once it is there is new.
                self._tail.position = START
                self._keep(place)
            raise Unread("the log is not there") from None
        except OSError as error:
            raise Unread(f"the log: {error.strerror}") from None
        if self._tail.position != before:
            self._keep(place)
        return Reading(
            list(self._totals.samples(place.name)),
            histograms=[(self._totals.seconds, (place.name,))],
        )

    def _keep(self, place: PodPlace) -> None:
        """Where that is not possible, a restart begins at the log's end."""
        assert self._tail is not None
        assert self._tail.position is not None
        told = {
            "format": FORMAT, "position": self._tail.position.to_json(),
            "totals": self._totals.to_json(),
        }  # fmt: skip
        with contextlib.suppress(OSError):
            write_state(state_directory(place), state_name(place), told)


def begin() -> DeliveryLog:
    return DeliveryLog()


def state_directory(place: PodPlace) -> Path:
    return place.root / DIRECTORY.relative_to("/")


def state_name(place: PodPlace) -> str:
    # A hyphen is in no pod's name, and no part's state has one.
    return f"log-{place.name}"


def _taken_up(place: PodPlace) -> tuple[Tail, Totals]:
    """As it was left; anew where nothing was left that makes sense."""
    told = read_state(state_directory(place), state_name(place))
    try:
        if told["format"] == FORMAT and (position := Position.from_json(told["position"])):
            return Tail(place.production_log, position), Totals.from_json(told["totals"])
    except (TypeError, KeyError, ValueError, AttributeError):
        pass
    return Tail(place.production_log, None), Totals()
