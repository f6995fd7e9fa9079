"""Deliveries: what becomes of attempts, what waits and how long, and what comes in."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring.dashboard.cells import Cell, Tone, cell
from monitoring.dashboard.choosing import ALL_PODS, chosen_pod
from monitoring.dashboard.freshness import SOURCES, Freshness
from monitoring.dashboard.reading import Asking, Reading
from monitoring.dashboard.views.charts import chart
from monitoring.dashboard.views.page import Page, shown
from monitoring.dashboard.wording import count, duration, percent, reason_words

CHARTS = ("attempts_history", "backlog_age", "queue_latency", "received_history")
BY_POD = ("backlog", "delivery_median", "delivery_slowest", "abandoned", "skipped")
COLUMNS = ("Pod", "Waiting", "Median delivery", "Slowest of 20", "Given up in a day",
           "Skipped in a day")  # fmt: skip
TABLES = ("attempts", "received", "backlog_peer")


async def deliveries(asking: Asking, query: Mapping[str, str]) -> Page:
    pod = chosen_pod(query)
    reading = await asking.read("pods", *CHARTS, *BY_POD, *TABLES, *SOURCES, pod=pod or ALL_PODS)
    freshness = Freshness(reading)
    pods = sorted({key[0] for key in reading.values("pods")})
    return shown(
        "deliveries.html",
        "Deliveries and backlog",
        "/deliveries",
        reading,
        pod=pod,
        pods=pods,
        columns=COLUMNS,
        lines=[(name, _cells(reading, freshness, name)) for name in pods if pod in (None, name)],
        charts=[chart(reading, name) for name in CHARTS],
        attempts=shares(reading, "attempts"),
        received=shares(reading, "received"),
        waiting=sorted(reading.by("backlog_peer").items(), key=lambda pair: -pair[1]),
    )


def _cells(reading: Reading, freshness: Freshness, name: str) -> list[Cell]:
    log = freshness.of("log", name)
    return [
        cell(reading.by("backlog").get(name), count, fresh=freshness.of("redis", name)),
        cell(reading.by("delivery_median").get(name), duration, fresh=log),
        cell(reading.by("delivery_slowest").get(name), duration, fresh=log),
        cell(reading.by("abandoned").get(name), count, _none_is_good, log),
        cell(reading.by("skipped").get(name), count, _none_is_good, log),
    ]


def _none_is_good(value: float) -> Tone:
    return "good" if round(value) == 0 else "warn"


def shares(reading: Reading, name: str) -> list[tuple[str, str, str]]:
    """Outcome, count and share, the most frequent first."""
    found = sorted(reading.by(name).items(), key=lambda pair: -pair[1])
    total = sum(value for _, value in found)
    return [
        (reason_words(label), count(value), percent(value / total) if total else "")
        for label, value in found
    ]
