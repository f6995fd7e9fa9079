"""A made-up fleet's metrics with a day of history, as OpenMetrics text that promtool takes.

Three pods on two hosts, alpha and beta on one, gamma on two; three watches. In the red fleet gamma
has been cut off for twelve minutes and three does not answer, a source of beta's has been stale for
twenty, and one of alpha's cannot be read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitoring import metrics as m
from monitoring.metrics import Metric

PODS = {"alpha": "one", "beta": "one", "gamma": "two"}
RED_FOR, STALE_FOR = 720.0, 1200.0
TRICKY = (
    'quote".example',
    "new\nline.example",
    "<script>alert(1)</script>.example",
    "back\\slash.example",
    "{{ 7 * 7 }}.example",
    "' onmouseover='x.example",
    "übergrößen.example",
)
UNITS, QUEUES = ("web", "sidekiq", "redis"), ("urgent", "high", "medium", "low", "default")
AGES = ("10m", "1h", "6h", "1d", "older")
DAY, STEP = 86400.0, 240.0
REACH = "pod:contacts_failing:ratio"
# Blocks reach into the future, so that a test may take its time.
AHEAD = 1200.0
Sample = tuple[Metric, tuple[str, ...], float]


@dataclass(frozen=True)
class Fleet:
    """What to make up; `now` is in seconds since 1970."""

    now: float
    peers: int = 40
    is_red: bool = False


def text(fleet: Fleet) -> str:
    """All of it, as promtool reads it."""
    lines: list[str] = []
    for when in _moments(fleet.now - DAY - 7200, fleet.now + AHEAD):
        lines += _lines(when, small_samples(fleet, when))
        for host in sorted(set(PODS.values())):
            lines.append(_up(host, 1, when))
        lines.append(_up("three", 0 if fleet.is_red and when > fleet.now - RED_FOR else 1, when))
        # What a rule would work out.
        for pod, host in PODS.items():
            failing = 0.02 if pod == "beta" else 0.1
            lines.append(_line(REACH, {"host": host, "pod": pod}, failing, when))
    for when in _moments(fleet.now - 480, fleet.now + AHEAD):
        lines += _lines(when, peer_samples(fleet, when))
    return "\n".join([*lines, "# EOF"]) + "\n"


def _moments(start: float, end: float) -> Iterator[float]:
    for step in range(int((end - start) // STEP) + 1):
        yield float(int(start + step * STEP))


def _lines(when: float, samples: Iterator[tuple[str, Sample]]) -> Iterator[str]:
    for host, (metric, values, value) in samples:
        name = metric.full_name
        labels = {"job": "monitor", "host": host, "instance": host}
        labels |= dict(zip(metric.labels, values, strict=True))
        if metric.kind == "histogram":
            for bound in (*metric.buckets, math.inf):
                share = value * (1 if bound >= 1 else 0.7)
                said = "+Inf" if bound == math.inf else f"{bound:g}"
                yield _line(f"{name}_bucket", labels | {"le": said}, share, when)
        else:
            yield _line(name, labels, value, when)


def _up(host: str, is_up: int, when: float) -> str:
    return _line("up", {"job": "monitor", "host": host, "instance": host}, is_up, when)


def _line(name: str, labels: Mapping[str, str], value: float, when: float) -> str:
    pairs = ",".join(f'{key}="{_escaped(one)}"' for key, one in labels.items())
    return f"{name}{{{pairs}}} {value:.10g} {when:.0f}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def small_samples(fleet: Fleet, when: float) -> Iterator[tuple[str, Sample]]:
    """All but what there is one of for each peer."""
    for pod, host in PODS.items():
        for sample in _pod(fleet, pod, when):
            yield host, sample
    for sample in (*_outside(fleet, when), *_canary(fleet, when), *_own(fleet, when)):
        yield "one", sample
    for host in sorted(set(PODS.values())):
        yield host, (m.SOURCE_UP, ("probe", ""), 1)
        yield host, (m.SOURCE_TIMESTAMP, ("probe", ""), when)
        yield host, (m.PROBE_CYCLE_SECONDS, (), 41)
        yield host, (m.PROBE_CYCLE_LAG, (), 0.2)
        yield host, (m.PROBE_NEWEST, (), 9002000)
        yield host, (m.PROBE_SOFTWARE, ("diaspora",), fleet.peers * 0.8)
        yield host, (m.PROBE_SOFTWARE, ("friendica",), fleet.peers * 0.2)


def is_cut(fleet: Fleet, pod: str, when: float) -> bool:
    return fleet.is_red and pod == "gamma" and when > fleet.now - RED_FOR


def is_unread(fleet: Fleet, pod: str, when: float) -> bool:
    """What a source cannot read vanishes; when it last could stays."""
    return fleet.is_red and pod == "alpha" and when > fleet.now - STALE_FOR


def _pod(fleet: Fleet, pod: str, when: float) -> Iterator[Sample]:
    passed = when - (fleet.now - DAY - 7200)
    yield m.POD_INFO, (pod, f"{pod}.example.org", "0.9.1.0"), 1
    yield m.POD_VERSION, (pod,), 9001000
    yield m.POD_CLOSED, (pod,), 0
    for source in ("database", "redis", "log", "units", "facts", "certificate", "disk", "outside"):
        is_stale = fleet.is_red and (pod, source) == ("beta", "redis")
        is_failing = source == "units" and is_unread(fleet, pod, when)
        read_at = fleet.now - STALE_FOR if is_stale or is_failing else when
        yield m.SOURCE_TIMESTAMP, (source, pod), min(when, read_at)
        yield m.SOURCE_UP, (source, pod), not is_failing
    for unit in () if is_unread(fleet, pod, when) else UNITS:
        yield m.UNIT_ACTIVE, (pod, unit), 1
        yield m.UNIT_RESTARTS, (pod, unit), 1
        yield m.UNIT_MEMORY, (pod, unit), 2.1e8
    for place, queue in enumerate(QUEUES):
        yield m.QUEUE_JOBS, (pod, queue), place
        yield m.QUEUE_LATENCY, (pod, queue), place + math.sin(passed / 9000) + 1
    for age, number in zip(AGES, (2, 12, 30, 4, 0), strict=True):
        yield (
            m.SCHEDULED_SENDS,
            (pod, age),
            number + round(passed / 7200) * is_cut(fleet, "gamma", when),
        )
    for outcome, pace in (
        ("delivered", 0.2),
        ("refused", 0.01),
        ("answer_timed_out", 0.004),
    ):
        yield m.DELIVERIES, (pod, outcome), passed * pace
    for outcome, pace in (("accepted", 0.1), ("signature", 0.0005)):
        yield m.RECEIVED, (pod, outcome), passed * pace
    yield m.DELIVERY_SECONDS, (pod,), passed * 0.2
    yield m.ABANDONED, (pod,), 0
    yield m.SKIPPED, (pod,), 0
    yield m.CERTIFICATE_EXPIRY, (pod,), fleet.now + 60 * DAY
    for status, reason, number in (("no_errors", "none", 30), ("net_failed", "refused", 2)):
        yield m.PEERS, (pod, status, reason), number
    for active, number in (("all", 120), ("half_year", 60), ("month", 25)):
        yield m.USERS, (pod, active), number
    for metric, value in _NUMBERS.items():
        yield metric, (pod,), value
    yield m.OPERATION_TIMESTAMP, (pod, "upgrade"), fleet.now - 2 * DAY
    yield m.OPERATION_OK, (pod, "upgrade"), 1
    yield m.EXPORT_TIMESTAMP, (pod,), fleet.now - DAY / 2
    yield m.UPGRADE_PREDICTED, (pod,), 1.4
    yield m.UPGRADE_CLOSED, (pod,), 1.2 if pod != "beta" else 6.5
    yield m.UPGRADE_TIMESTAMP, (pod,), fleet.now - 2 * DAY


_NUMBERS = {
    m.SIDEKIQ_PROCESSES: 1.0, m.SIDEKIQ_BUSY: 2.0, m.RETRY_JOBS: 0.0, m.DEAD_JOBS: 0.0,
    m.POSTS: 9120.0, m.COMMENTS: 31000.0, m.DATABASE_UP: 1.0, m.DATABASE_BYTES: 3.4e9,
    m.REDIS_UP: 1.0, m.REDIS_MEMORY: 4.1e7, m.REDIS_WRITES_OK: 1.0, m.DISK_FREE: 2.2e10,
    m.DISK_SIZE: 8e10, m.EXPORT_BYTES: 1.1e9, m.SAFETY_COPIES: 1.0,
}  # fmt: skip


def _own(fleet: Fleet, when: float) -> Iterator[Sample]:
    yield m.SOURCE_UP, ("canary", ""), 1
    yield m.SOURCE_TIMESTAMP, ("canary", ""), when


def _outside(fleet: Fleet, when: float) -> Iterator[Sample]:
    for pod in PODS:
        is_up = not is_cut(fleet, pod, when)
        yield m.OUTSIDE_SUCCESS, (pod,), is_up
        if not is_up:
            yield m.OUTSIDE_REASON, (pod, "connect_timed_out"), 1
        yield m.OUTSIDE_TIMESTAMP, (pod,), when
        yield m.OUTSIDE_VALID, (pod,), 1
        yield m.OUTSIDE_RECEIVE, (pod,), 1
        for family in ("v4", "v6"):
            yield m.OUTSIDE_REACHABLE, (pod, family), is_up
            yield m.OUTSIDE_CERTIFICATE, (pod, family), fleet.now + 61 * DAY


def _canary(fleet: Fleet, when: float) -> Iterator[Sample]:
    for sender in PODS:
        for receiver in (pod for pod in PODS if pod != sender):
            yield from _pair(fleet, sender, receiver, when)


def _pair(fleet: Fleet, sender: str, receiver: str, when: float) -> Iterator[Sample]:
    pair = (sender, receiver)
    cut_at = fleet.now - RED_FOR
    is_lost = is_cut(fleet, receiver, when)
    state = "lost" if is_lost else "unknown" if is_cut(fleet, sender, when) else "ok"
    for one in ("ok", "late", "lost", "unknown"):
        yield m.CANARY_STATE, (*pair, one), one == state
        ended = when if one == state else cut_at if one == "ok" else 0
        began = fleet.now - DAY - 7200 if one == "ok" else cut_at
        yield m.CANARY_FLIGHTS, (*pair, one), max(0, (min(when, ended) - began) // 300)
    yield m.CANARY_TIMESTAMP, pair, when - 60
    yield m.CANARY_STUCK, pair, 0
    if state == "ok":
        yield m.CANARY_ARRIVAL, pair, 0.3 + 0.2 * math.sin(when / 7000) + 0.1 * len(sender)
        yield m.CANARY_RETRACTION, pair, 0.08
        for stage, took in (("post", 0.1), ("delivery", 0.2), ("receipt", 0.15)):
            yield m.CANARY_STAGE, (*pair, stage), took
    else:
        reason = "not_arrived" if is_lost else "post_rejected"
        yield m.CANARY_REASON, (*pair, reason), 1


def peer_names(number: int) -> list[str]:
    return [*TRICKY, *(f"pod{place:04}.example.net" for place in range(number - len(TRICKY)))]


def peer_samples(fleet: Fleet, when: float) -> Iterator[tuple[str, Sample]]:
    """Of ten peers one fails, of a hundred one is dead, and some lag."""
    for place, name in enumerate(peer_names(fleet.peers)):
        is_failing = place % 10 == 3
        for pod, host in PODS.items():
            if pod == "beta" and place % 2:
                continue
            yield host, (m.PEER_CONTACTS, (pod, name), place % 37)
            if is_failing:
                yield from ((host, one) for one in _offline(fleet, pod, name, place))
            elif place % 50 == 5:
                yield host, (m.PEER_SENDS, (pod, name), 3)
                yield host, (m.PEER_LOST_AT, (pod, name), fleet.now + 57000)
        for host in sorted(set(PODS.values())):
            yield from ((host, one) for one in _probe(fleet, name, place, when, is_failing))


def _offline(fleet: Fleet, pod: str, name: str, place: int) -> Iterator[Sample]:
    since = fleet.now - (3 * DAY if place % 100 == 13 else 5 * 3600)
    yield m.PEER_OFFLINE_SINCE, (pod, name), since
    yield m.PEER_LOST_AT, (pod, name), since + 17 * 3600
    yield m.PEER_CUT_OFF_AT, (pod, name), since + 14 * DAY
    yield m.PEER_SENDS, (pod, name), place % 23 + 1


def _probe(fleet: Fleet, name: str, place: int, when: float, is_failing: bool) -> Iterator[Sample]:
    yield m.PROBE_SUCCESS, (name,), not is_failing
    yield m.PROBE_TIMESTAMP, (name,), when - place % 300
    if is_failing:
        yield m.PROBE_REASON, (name, "name_unresolved" if place % 20 == 3 else "refused"), 1
    else:
        yield m.PROBE_CERTIFICATE, (name,), fleet.now + (place % 80 + 1) * DAY
