"""How results that have no words of their own are written: a run of `up`, the canaries' flights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from provision.cli.next_commands import words_for
from provision.columns import columns

if TYPE_CHECKING:
    from monitoring.canary.flights import Flight
    from provision.cli.asked import Asked
    from provision.fleet.model import Fleet
    from provision.up import Done

_LOOK_WORDS = "`podfleet observe{0}` shows how the fleet is: its address, until Ctrl-C."
_LAB_WORDS = (
    "The names resolve inside the lab alone: `podfleet lab info{0}` says how to reach them from "
    "here.",
    "`podfleet lab ssh HOST{0}` opens a shell; `podfleet lab down --purge{0}` leaves nothing.",
)


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


def done_lines(done: Done, fleet: Fleet, asked: Asked) -> list[str]:
    """What is to be known after a run: its plan where nothing was done, else what stands now."""
    plan = done.plan
    if asked.dry_run or plan.has_nothing_to_do:
        lines = plan.lines()
        return [*lines, *words_for(lines, asked)]
    notes = [f"pod {pod.name}: {note}" for pod in plan.pods for note in pod.notes]
    pods = [(pod.name, fleet.pods[pod.name].url, pod.host) for pod in plan.pods]
    standing = columns(("POD", "URL", "HOST"), pods) if pods else []
    flown = ["", *flight_lines(done.flights)] if done.flights else []
    more = [*([_LOOK_WORDS] if fleet.monitoring else ()), *(_LAB_WORDS if fleet.is_lab else ())]
    more = [words.format(asked.fleet_words) for words in more]
    notes += words_for(notes, asked)
    return ["", *standing, *flown, *notes, *(["", *more] if more else ())]


def done_json(done: Done) -> dict[str, Any]:
    """`up --json`: the plan that was followed, and the flights as `canary --json` gives them."""
    return {**done.plan.to_json(), "pairs": [flight.to_json() for flight in done.flights]}


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"
