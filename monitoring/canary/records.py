"""What the monitor's canary remembers of each pair: its last flights, and their numbers."""

from __future__ import annotations

import datetime as dt
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring import metrics
from monitoring.board import Histogram, Sample
from monitoring.canary.flights import STATES, Flight, pairs_to_json
from monitoring.reasons import Reason

FORMAT = 1
# Four hours of a flight every five minutes: what the heat map shows.
HISTORY = 48

Pair = tuple[str, str]


@dataclass
class _Record:
    """One pair; `last` is None until it was flown since the monitor began."""

    last: Flight | None = None
    counts: Counter[str] = field(default_factory=Counter)
    arrivals: Histogram = field(default_factory=lambda: Histogram(metrics.CANARY_ARRIVALS))
    history: deque[Flight] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def learn(self, flight: Flight) -> None:
        self.last = flight
        self.counts[flight.state] += 1
        self.history.append(flight)
        if flight.arrival_seconds is not None:
            self.arrivals.observe(flight.arrival_seconds)


class Records:
    """All pairs that are flown."""

    def __init__(self) -> None:
        self._of: dict[Pair, _Record] = {}

    def learn(self, flights: Iterable[Flight]) -> None:
        for flight in flights:
            self._of.setdefault((flight.sender, flight.receiver), _Record()).learn(flight)

    def keep(self, names: Collection[str]) -> None:
        """Forgets the pairs of pods that are not flown to any more."""
        self._of = {pair: each for pair, each in self._of.items() if set(pair) <= set(names)}

    def samples(self) -> Iterator[Sample]:
        for pair, record in sorted(self._of.items()):
            if record.last is not None:
                yield from _of_flight(pair, record.last)
                for state in STATES:
                    labels = (*pair, state)
                    yield metrics.CANARY_FLIGHTS, labels, record.counts[state]

    def histograms(self) -> list[tuple[Histogram, tuple[str, ...]]]:
        flown = sorted((pair, each) for pair, each in self._of.items() if each.last is not None)
        return [(record.arrivals, pair) for pair, record in flown]

    def to_json(self) -> dict[str, Any]:
        """The shape of `canary --json`, and of each pair the flights before, the oldest first."""
        last = [each.history[-1] for _, each in sorted(self._of.items()) if each.history]
        history = [
            {"from": pair[0], "to": pair[1], "flights": [_brief(each) for each in record.history]}
            for pair, record in sorted(self._of.items())
        ]
        return {"format": FORMAT, **pairs_to_json(last), "history": history}

    def restore(self, told: Any) -> None:
        """What to_json gave to a monitor before this one; anything else is left alone."""
        if not isinstance(told, Mapping) or told.get("format") != FORMAT:
            return
        try:
            for pair in told["history"]:
                flights = [_full(pair, each) for each in pair["flights"]]
                record = self._of.setdefault((pair["from"], pair["to"]), _Record())
                record.history.extend(flights)
        except (KeyError, TypeError, ValueError):
            self._of.clear()


def _brief(flight: Flight) -> dict[str, Any]:
    told = flight.to_json()
    del told["from"], told["to"]
    return told


def _full(pair: Mapping[str, Any], brief: Mapping[str, Any]) -> Flight:
    return Flight.from_json({"from": pair["from"], "to": pair["to"], **brief})


def _of_flight(pair: Pair, flight: Flight) -> Iterator[Sample]:
    for state in STATES:
        yield metrics.CANARY_STATE, (*pair, state), float(flight.state == state)
    if flight.reason is not None:
        yield metrics.CANARY_REASON, (*pair, str(flight.reason)), 1
    if flight.arrival_seconds is not None:
        yield metrics.CANARY_ARRIVAL, pair, flight.arrival_seconds
    if flight.retraction_seconds is not None:
        yield metrics.CANARY_RETRACTION, pair, flight.retraction_seconds
    if (stuck := _is_stuck(flight)) is not None:
        yield metrics.CANARY_STUCK, pair, float(stuck)
    for stage, seconds in _stages(flight):
        if seconds is not None:
            yield metrics.CANARY_STAGE, (*pair, stage), seconds
    yield metrics.CANARY_TIMESTAMP, pair, dt.datetime.fromisoformat(flight.at).timestamp()


def _stages(flight: Flight) -> Sequence[tuple[str, float | None]]:
    return (
        ("post", flight.post_seconds),
        ("delivery", flight.delivery_seconds),
        ("receipt", flight.receipt_seconds),
    )


def _is_stuck(flight: Flight) -> bool | None:
    """None where nobody could tell."""
    if flight.retraction_seconds is not None:
        return False
    return True if flight.reason is Reason.RETRACTION_STUCK else None
