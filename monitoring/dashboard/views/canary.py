"""The canary: who reaches whom, as a map of pairs, and how each pair fared within a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from monitoring.dashboard.cells import Cell, Tone
from monitoring.dashboard.drawing import strip
from monitoring.dashboard.flights import FLIGHTS, Flight, flights, pods_of
from monitoring.dashboard.freshness import SOURCES, Freshness
from monitoring.dashboard.headlines import NEEDED, headlines
from monitoring.dashboard.panels import BY_NAME
from monitoring.dashboard.prometheus import moments
from monitoring.dashboard.reading import Asking, Reading
from monitoring.dashboard.views.page import Page, shown
from monitoring.dashboard.wording import age, clock_time, duration, percent, reason_words

STATES: dict[str, Tone] = {"ok": "good", "late": "warn", "lost": "bad", "unknown": "unknown"}
History = Mapping[float, float | None]


@dataclass(frozen=True)
class PairLine:
    """A pair in words, with its day."""

    flight: Flight
    cells: tuple[Cell, ...]
    history: Markup


async def canary(asking: Asking) -> Page:
    wanted = (*NEEDED, *FLIGHTS, *SOURCES, "pair_stage", "pair_history", "pair_good_history")
    reading = await asking.read(*dict.fromkeys(wanted))
    flown = flights(reading)
    pods = pods_of(flown)
    at = {(one.sender, one.receiver): one for one in flown}
    return shown(
        "canary.html",
        "Canary",
        "/canary",
        reading,
        headline=headlines(reading, Freshness(reading))[0],
        pods=pods,
        grid=[(sender, [_square(at.get((sender, receiver)), sender == receiver, reading.now)
                        for receiver in pods]) for sender in pods],
        lines=_lines(reading, flown),
        freshness=Freshness(reading).of("canary"),
    )  # fmt: skip


def _square(flight: Flight | None, is_self: bool, now: float) -> Cell:
    if is_self:
        return Cell("itself")
    if flight is None:
        return Cell("never flown", "unknown")
    if flight.is_stale:
        return Cell(flight.state, "unknown", f"stale: {age(flight.at or now, now)}")
    note = "" if flight.arrival is None else duration(flight.arrival)
    if flight.is_stuck:
        return Cell("copy stayed", "bad", note)
    if flight.state != "ok":
        note = reason_words(flight.reason)
    return Cell(flight.state, STATES.get(flight.state, "unknown"), note)


def _lines(reading: Reading, flown: Sequence[Flight]) -> list[PairLine]:
    """Of each pair; what all share is gone through once, for there can be many pairs."""
    stages: dict[tuple[str, ...], list[str]] = {}
    for key, took in reading.values("pair_stage").items():
        stages.setdefault(key[:2], []).append(f"{key[2]} {duration(took)}")
    good, took_history = _points(reading, "pair_good_history"), _points(reading, "pair_history")
    found = []
    for flight in flown:
        pair = (flight.sender, flight.receiver)
        history = _history(reading.now, good.get(pair, {}), took_history.get(pair, {}))
        found.append(PairLine(flight, _cells(flight, stages.get(pair, ()), reading.now), history))
    return found


def _cells(flight: Flight, stages: Sequence[str], now: float) -> tuple[Cell, ...]:
    return (
        _square(flight, False, now),
        Cell("-" if flight.arrival is None else duration(flight.arrival)),
        Cell("-" if flight.retraction is None else duration(flight.retraction)),
        Cell(", ".join(stages) or "-"),
        Cell("not known" if flight.at is None else age(flight.at, now)),
        Cell("not within a day" if flight.last_good is None else age(flight.last_good, now)),
    )


def _points(reading: Reading, name: str) -> dict[tuple[str, str], History]:
    return {
        (one.labels.get("sender", ""), one.labels.get("receiver", "")): dict(one.points)
        for one in reading.series(name)
    }


def _history(now: float, good: History, took: History) -> Markup:
    """A cell each half hour: how many flights ended well, and how long a post took."""
    panel = BY_NAME["pair_good_history"]
    # The first moment ends a half hour before these hours.
    ends = moments(panel.hours, panel.step, now)[1:]
    boxes = [_box(now, when, good.get(when), took.get(when)) for when in ends]
    tones = Counter(tone for tone, _ in boxes)
    words = f"the last {panel.hours} h: {tones['good']} of {len(boxes)} half hours well"
    rest = f"{tones['warn']} partly, {tones['bad']} not, {tones['unknown']} without data"
    return strip(boxes, f"{words}, {rest}")


def _box(now: float, when: float, good: float | None, took: float | None) -> tuple[str, str]:
    moment = clock_time(when, now)
    if good is None:
        return "unknown", f"{moment}: no data"
    tone = "good" if good > 0.95 else "warn" if good > 0.5 else "bad"
    slow = "" if took is None else f", arrival {duration(took)}"
    return tone, f"{moment}: {percent(good)} well{slow}"
