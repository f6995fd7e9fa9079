"""How results that have no words of their own are written: a run of `up`, the canaries' flights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from provision.columns import columns

if TYPE_CHECKING:
    from monitoring.canary.flights import Flight
    from provision.up import Done


def flight_lines(flights: Sequence[Flight]) -> list[str]:
    """A line a pair: did the post arrive, after how long, and was its retraction honoured."""
    heads = ("FROM", "TO", "CANARY", "ARRIVED", "RETRACTED", "REASON")
    rows = [
        (
            each.sender,
            each.receiver,
            str(each.state),
            _seconds(each.arrival_seconds),
            _seconds(each.retraction_seconds),
            str(each.reason or "-"),
        )
        for each in flights
    ]
    return columns(heads, rows) if rows else ["No pair of pods to fly between."]


def done_lines(done: Done) -> list[str]:
    """What a run did, its canaries below."""
    plan = done.plan.lines()
    return [*plan, "", *flight_lines(done.flights)] if done.flights else plan


def done_json(done: Done) -> dict[str, Any]:
    """`up --json`: the plan that was followed, and the flights as `canary --json` gives them."""
    return {**done.plan.to_json(), "pairs": [flight.to_json() for flight in done.flights]}


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"
