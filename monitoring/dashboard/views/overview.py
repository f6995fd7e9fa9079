"""The overview: one line a pod, and above it which pod fails to reach whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from monitoring.dashboard import links
from monitoring.dashboard.cells import Cell, Tone, above, below, cell
from monitoring.dashboard.drawing import sparkline
from monitoring.dashboard.flights import FLIGHTS
from monitoring.dashboard.freshness import SOURCES, Fresh, Freshness
from monitoring.dashboard.headlines import NEEDED, headlines
from monitoring.dashboard.reading import Asking, Reading
from monitoring.dashboard.views.page import Page, shown
from monitoring.dashboard.wording import age, count, duration, percent

COLUMNS = ("Pod", "Usable", "Arrival", "Arrived within 1 h", "Peers reached, by contacts",
           "Waiting deliveries", "Certificate", "Release", "Last operation")  # fmt: skip
PANELS = (*NEEDED, "arrival", "arrival_history", "success", "backlog", "certificate",
          "operation", "operation_ok", "operation_begun", *FLIGHTS, *SOURCES)  # fmt: skip
DAY = 86400


@dataclass(frozen=True)
class PodLine:
    """A pod, and its cells in the order of COLUMNS, without the first."""

    name: str
    domain: str
    link: str
    cells: tuple[Cell, ...]
    spark: Markup


async def overview(asking: Asking) -> Page:
    reading = await asking.read(*PANELS)
    freshness = Freshness(reading)
    return shown(
        "overview.html",
        "Fleet overview",
        "/",
        reading,
        columns=COLUMNS,
        headlines=headlines(reading, freshness),
        lines=[_line(reading, freshness, name) for name in pod_names(reading)],
    )


def pod_names(reading: Reading) -> list[str]:
    """Every pod that anything tells of, though its own host be silent."""
    told = {key[0] for key in reading.values("pods")}
    return sorted({*told, *reading.by("up"), *reading.by("arrival")} - {""})


def _line(reading: Reading, freshness: Freshness, name: str) -> PodLine:
    places = [key for key in reading.values("pods") if key[0] == name]
    domain = places[0][1] if places else ""
    history = [one for one in reading.series("arrival_history") if one.labels["sender"] == name]
    spark = sparkline(history[0].points, f"{name}: arrival within a day") if history else Markup("")
    return PodLine(name, domain, links.pod(name), pod_cells(reading, freshness, name), spark)


def pod_cells(reading: Reading, freshness: Freshness, name: str) -> tuple[Cell, ...]:
    """Up, arrival, success, reach, backlog, certificate, release and last operation."""
    canary = freshness.of("canary")
    outside = freshness.of("outside", name)
    certificate = reading.by("certificate").get(name)
    return (
        _up(reading, freshness, name),
        cell(reading.by("arrival").get(name), duration, above(10, 30), canary, "/canary"),
        _success(reading, canary, name),
        cell(reading.by("reach").get(name), percent, below(0.95, 0.8),
             freshness.of("database", name), links.of_pod("/peers", name)),
        cell(reading.by("backlog").get(name), count, fresh=freshness.of("redis", name),
             link=links.of_pod("/deliveries", name)),
        cell(certificate, _days_left(reading.now), _judge_days(reading.now), outside),
        _release(reading, freshness, name),
        _operation(reading, name),
    )  # fmt: skip


def _up(reading: Reading, freshness: Freshness, name: str) -> Cell:
    if reading.by("closed").get(name):
        return Cell("closed for maintenance", "warn")
    fresh = freshness.of("outside", name)
    return cell(reading.by("up").get(name), lambda up: "yes" if up else "no",
                lambda up: "good" if up else "bad", fresh)  # fmt: skip


def _success(reading: Reading, canary: Fresh, name: str) -> Cell:
    """Flights of which nothing is known don't count: where there is nothing else now, say so."""
    states = {state for (sender, _), state in reading.chosen("pair_state").items()
              if sender == name}  # fmt: skip
    share = reading.by("success").get(name)
    if states == {"unknown"} and share is not None:
        return Cell(percent(share), "unknown", "not known now", "/canary")
    return cell(share, percent, below(0.95, 0.8), canary, "/canary")


def _days_left(now: float) -> Callable[[float], str]:
    return lambda end: duration(end - now) if end > now else f"ended {age(end, now)}"


def _judge_days(now: float) -> Callable[[float], Tone]:
    judge = below(14 * DAY, 3 * DAY)
    return lambda end: judge(end - now)


def _release(reading: Reading, freshness: Freshness, name: str) -> Cell:
    """As the host says; where it is silent, as it last said."""
    releases = [key[2] for key in reading.values("pods") if key[0] == name]
    if not releases:
        return Cell("no data", "unknown")
    words = freshness.of("facts", name).words
    return Cell(releases[-1] or "unknown", "unknown" if words else "plain", words)


def _operation(reading: Reading, name: str) -> Cell:
    """What is under way, or else what ended last."""
    begun = [(at, key[1]) for key, at in reading.values("operation_begun").items()
             if key[0] == name]  # fmt: skip
    if begun:
        at, verb = max(begun)
        return Cell(f"{verb} under way", "warn", f"begun {age(at, reading.now)}")
    ended = [(at, key[1]) for key, at in reading.values("operation").items() if key[0] == name]
    if not ended:
        return Cell("none known", "unknown")
    at, verb = max(ended)
    ok = reading.values("operation_ok").get((name, verb))
    verdict = "not known how" if ok is None else "well" if ok else "failed"
    tone: Tone = "unknown" if ok is None else "plain" if ok else "bad"
    return Cell(f"{verb}: {verdict}", tone, age(at, reading.now))
