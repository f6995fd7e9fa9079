"""One pod: the overview's line, its processes, queues, stores, view of its peers, and sources."""

from __future__ import annotations

from collections.abc import Callable

from monitoring.dashboard.cells import Cell, Tone, above, as_of, cell, yes_or_no
from monitoring.dashboard.choosing import is_pod_name
from monitoring.dashboard.flights import flights
from monitoring.dashboard.freshness import Freshness
from monitoring.dashboard.headlines import headlines
from monitoring.dashboard.reading import Asking, Reading
from monitoring.dashboard.views import overview
from monitoring.dashboard.views.charts import chart
from monitoring.dashboard.views.page import Page, shown
from monitoring.dashboard.wording import age, bytes_size, count, duration, reason_words

CHARTS = ("backlog_age", "queue_latency", "attempts_history", "received_history")
TABLES = ("unit_active", "unit_restarts", "unit_memory", "queue_jobs", "queue_latency_now",
          "peers_by_status", "users", "families", "export_at", "export_bytes",
          "safety_copies")  # fmt: skip
# The labels of monitoring/pod/counts.py and of the look from outside, in words.
ACTIVE = {"total": "all", "month": "used within a month", "half_year": "used within half a year"}
FAMILIES = {"v4": "IPv4", "v6": "IPv6"}
# Metric panel, source, how to say it, how to judge it.
Say = Callable[[float], str]
Judge = Callable[[float], Tone]
_AS_IS: Judge = lambda _: "plain"  # noqa: E731
NUMBERS: tuple[tuple[str, str, str, Say, Judge], ...] = (
    ("nodeinfo_valid", "NodeInfo", "outside", *yes_or_no("valid", "not valid")),
    ("receive_ok", "Takes what others send", "outside", *yes_or_no("yes", "no: it redirects")),
    ("processes", "Background processes", "redis", count, lambda n: "good" if n else "bad"),
    ("busy", "Background jobs being done", "redis", count, _AS_IS),
    ("retries", "Jobs to be tried again", "redis", count, _AS_IS),
    ("dead_jobs", "Jobs given up", "redis", count, _AS_IS),
    ("database_up", "PostgreSQL", "database", *yes_or_no("answers", "does not answer")),
    ("database_bytes", "Database", "database", bytes_size, _AS_IS),
    ("redis_up", "Redis", "redis", *yes_or_no("answers", "does not answer")),
    ("redis_bytes", "Memory of Redis", "redis", bytes_size, _AS_IS),
    ("redis_writes", "Redis' writes to its disk", "redis", *yes_or_no("go well", "fail")),
    ("disk_free", "Free disk", "disk", bytes_size, _AS_IS),
    ("posts", "Posts written here", "database", count, _AS_IS),
    ("comments", "Comments written here", "database", count, _AS_IS),
)


async def pod(asking: Asking, name: str) -> Page | None:
    """None where no such pod is known, though Prometheus could be asked."""
    if not is_pod_name(name):
        return None
    numbers = (row[0] for row in NUMBERS)
    wanted = dict.fromkeys((*overview.PANELS, *CHARTS, *TABLES, *numbers))
    reading = await asking.read(*wanted, pod=name)
    if not reading.is_partial and name not in overview.pod_names(reading):
        return None
    freshness = Freshness(reading)
    return shown(
        "pod.html",
        f"Pod {name}",
        "/",
        reading,
        name=name,
        domain=next((key[1] for key in reading.values("pods") if key[0] == name), ""),
        headlines=[one for one in headlines(reading, freshness) if name in one.pods],
        summary=list(zip(overview.COLUMNS[1:],
                         overview.pod_cells(reading, freshness, name), strict=True)),
        flights=[one for one in flights(reading) if name in (one.sender, one.receiver)],
        numbers=[_number(reading, freshness, name, row) for row in NUMBERS],
        units=_units(reading, freshness, name),
        queues=_queues(reading, freshness, name),
        status=_status(reading, freshness, name),
        kept=_kept(reading, freshness, name),
        charts=[chart(reading, one) for one in CHARTS],
        sources=[row for row in freshness.rows() if row[2] == name],
        age=lambda when: age(when, reading.now),
    )  # fmt: skip


def _number(
    reading: Reading, freshness: Freshness, name: str, row: tuple[str, str, str, Say, Judge]
) -> tuple[str, Cell]:
    panel, words, source, say, judge = row
    return words, cell(reading.by(panel).get(name), say, judge, freshness.of(source, name))


def _units(reading: Reading, freshness: Freshness, name: str) -> list[tuple[str, list[Cell]]]:
    active, restarts = reading.values("unit_active"), reading.values("unit_restarts")
    memory, fresh = reading.values("unit_memory"), freshness.of("units", name)
    say, judge = yes_or_no("runs", "does not run")
    return [
        (key[1], [cell(active[key], say, judge, fresh),
                  cell(restarts.get(key), count, above(0, 5), fresh),
                  cell(memory.get(key), bytes_size, fresh=fresh)])
        for key in sorted(active) if key[0] == name
    ]  # fmt: skip


def _queues(reading: Reading, freshness: Freshness, name: str) -> list[tuple[str, list[Cell]]]:
    jobs, latency = reading.values("queue_jobs"), reading.values("queue_latency_now")
    fresh = freshness.of("redis", name)
    return [
        (key[1], [cell(jobs.get(key), count, fresh=fresh),
                  cell(latency.get(key), duration, above(60, 300), fresh)])
        for key in sorted({*jobs, *latency}) if key[0] == name
    ]  # fmt: skip


def _status(reading: Reading, freshness: Freshness, name: str) -> list[tuple[str, str, Cell]]:
    """How many peers the pod's own table holds to be how, and why."""
    found = sorted(reading.values("peers_by_status").items(), key=lambda pair: -pair[1])
    fresh = freshness.of("database", name)
    return [(key[1].replace("_", " "), reason_words(key[2]), cell(value, count, fresh=fresh))
            for key, value in found if key[0] == name and value]  # fmt: skip


def _kept(reading: Reading, freshness: Freshness, name: str) -> list[tuple[str, Cell]]:
    """Exports and safety copies, accounts and addresses."""
    at, size = reading.by("export_at").get(name), reading.by("export_bytes").get(name)
    when = "none known" if at is None else age(at, reading.now)
    export = Cell(when if size is None else f"{when}, {bytes_size(size)}")
    facts, database = freshness.of("facts", name), freshness.of("database", name)
    outside = freshness.of("outside", name)
    say, _ = yes_or_no("yes", "no")
    return [
        ("Newest export", as_of(export, facts)),
        ("Databases kept for a way back",
         cell(reading.by("safety_copies").get(name), count, fresh=facts)),
        *((f"Open accounts, {ACTIVE.get(key[1], key[1])}", cell(value, count, fresh=database))
          for key, value in sorted(reading.values("users").items()) if key[0] == name),
        *((f"Reached by {FAMILIES.get(key[1], key[1])}", cell(value, say, fresh=outside))
          for key, value in sorted(reading.values("families").items()) if key[0] == name),
    ]  # fmt: skip
