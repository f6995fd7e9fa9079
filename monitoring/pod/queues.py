"""What a pod's Redis tells: its queues, what sidekiq does, the timetable, and Redis' own health.

Both sidekiq 7 (times as seconds) and 8 (as milliseconds) are read. A job is looked into for the
time at which it was put into its queue, and for nothing else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from monitoring.board import Sample
from monitoring.metrics import (
    CRON_TIMESTAMP,
    DEAD_JOBS,
    JOBS_FAILED,
    JOBS_PROCESSED,
    QUEUE_JOBS,
    QUEUE_LATENCY,
    REDIS_MEMORY,
    REDIS_UP,
    REDIS_WRITES_OK,
    RETRY_JOBS,
    SIDEKIQ_BUSY,
    SIDEKIQ_PROCESSES,
    SIDEKIQ_THREADS,
    Metric,
)
from monitoring.pod.authority import OTHER
from monitoring.pod.places import MONITOR_USER, PodPlace
from monitoring.pod.reading import Reading, Unread
from monitoring.pod.redis_socket import RedisError, RedisSocket, Reply
from monitoring.pod.scheduled import TookTooLong, scheduled_samples

QUEUES = ("urgent", "high", "medium", "low", "default")
CRON_JOBS = (
    "check_birthday",
    "clean_cached_files",
    "cleanup_old_exports",
    "cleanup_pending_photos",
    "queue_users_for_removal",
    "recheck_scheduled_pods",
    "recurring_pod_check",
)
# sidekiq-cron 2, and 1 as of diaspora* 0.9.0: its keys stay after an upgrade, with old times.
_CRON_KEYS = ("cron_job:default:", "cron_job:")
# A process that did not say so for this long is gone: sidekiq itself says it every 10 s.
BEAT_SECONDS = 60.0
MOST_PROCESSES, MOST_QUEUES = 64, 64
TIMEOUT_SECONDS = 5.0
# Times above this are milliseconds: as seconds they would be in the year 5138.
_MILLISECONDS = 1e11

Clock = Callable[[], float]
Part = Callable[[RedisSocket, str, Clock], list[Sample]]


def collect(place: PodPlace, *, clock: Clock = time.time) -> Reading:
    """All of it; a part that Redis does not let us read is left out."""
    try:
        with RedisSocket(
            place.redis_socket, MONITOR_USER, timeout_seconds=TIMEOUT_SECONDS
        ) as redis:
            redis.ask("EXISTS", "queues")
            return _read(redis, place, clock)
    except RedisError as error:
        # It answers, but not to us: whether it is well is not known, unless it says so.
        is_away = error.code in ("LOADING", "MASTERDOWN", "BUSY")
        raise Unread(f"Redis says {error.code}", _up(place, 0) if is_away else ()) from None
    except OSError as error:
        raise Unread(f"Redis: {type(error).__name__}", _up(place, 0)) from None


def _read(redis: RedisSocket, place: PodPlace, clock: Clock) -> Reading:
    samples, left_out = _up(place, 1), []
    for what, part in PARTS.items():
        try:
            samples += part(redis, place.name, clock)
        except (RedisError, TookTooLong) as error:
            left_out.append(f"{what} left out: {error}")
    return Reading(samples, left_out=left_out)


def queue_samples(redis: RedisSocket, pod: str, clock: Clock) -> list[Sample]:
    """Jobs and latency of each queue; `other` are all that diaspora* does not know."""
    names = [*QUEUES, *(each for each in _texts(redis.ask("SMEMBERS", "queues"), MOST_QUEUES))]
    jobs: dict[str, int] = {}
    waited: dict[str, float] = {}
    for name in dict.fromkeys(names):
        size, oldest = redis.ask_all([("LLEN", f"queue:{name}"), ("LINDEX", f"queue:{name}", -1)])
        if isinstance(size, RedisError):
            raise size
        label = name if name in QUEUES else OTHER
        jobs[label] = jobs.get(label, 0) + _count(size)
        waited[label] = max(waited.get(label, 0.0), _waited(oldest, clock()))
    return [
        *((QUEUE_JOBS, (pod, label), count) for label, count in jobs.items()),
        *((QUEUE_LATENCY, (pod, label), seconds) for label, seconds in waited.items()),
    ]


def process_samples(redis: RedisSocket, pod: str, clock: Clock) -> list[Sample]:
    """The processes that are alive, their threads, and what they do.

    One that was told to be quiet finishes what it began, and takes no jobs any more.
    """
    names = _texts(redis.ask("SMEMBERS", "processes"), MOST_PROCESSES)
    told = redis.ask_all([("HMGET", name, "info", "busy", "beat", "quiet") for name in names])
    alive = [each for each in told if isinstance(each, list) and _is_alive(each, clock())]
    taking = [each for each in alive if each[3] != b"true"]
    return [
        (SIDEKIQ_PROCESSES, (pod,), len(taking)),
        (SIDEKIQ_BUSY, (pod,), sum(_count(each[1]) for each in alive)),
        (SIDEKIQ_THREADS, (pod,), sum(_concurrency(each[0]) for each in taking)),
    ]


def count_samples(redis: RedisSocket, pod: str, clock: Clock) -> list[Sample]:
    """What was done and failed since the pod began, what is tried again, and what is dead."""
    asked: dict[Metric, tuple[str, str]] = {
        JOBS_PROCESSED: ("GET", "stat:processed"),
        JOBS_FAILED: ("GET", "stat:failed"),
        RETRY_JOBS: ("ZCARD", "retry"),
        DEAD_JOBS: ("ZCARD", "dead"),
    }
    replies = redis.ask_all(list(asked.values()))
    return [
        (metric, (pod,), _count(reply))
        for metric, reply in zip(asked, replies, strict=True)
        if not isinstance(reply, RedisError)
    ]


def cron_samples(redis: RedisSocket, pod: str, clock: Clock) -> list[Sample]:
    """When each job of the timetable was last put into its queue; absent where it never was."""
    keys = [(name, prefix + name) for name in CRON_JOBS for prefix in _CRON_KEYS]
    replies = redis.ask_all([("HGET", key, "last_enqueue_time") for _, key in keys])
    newest: dict[str, float] = {}
    for (name, _), reply in zip(keys, replies, strict=True):
        if (at := _moment(reply)) is not None:
            newest[name] = max(at, newest.get(name, at))
    return [(CRON_TIMESTAMP, (pod, name), at) for name, at in newest.items()]


def health_samples(redis: RedisSocket, pod: str, clock: Clock) -> list[Sample]:
    """Redis' memory, and whether what it holds reaches the disk."""
    info = dict(_info(redis.ask("INFO", "memory")))
    info.update(_info(redis.ask("INFO", "persistence")))
    samples: list[Sample] = []
    if (memory := info.get("used_memory", "")).isdigit():
        samples.append((REDIS_MEMORY, (pod,), int(memory)))
    names = ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")
    if states := [info[name] for name in names if name in info]:
        samples.append((REDIS_WRITES_OK, (pod,), all(state == "ok" for state in states)))
    return samples


def schedule_samples(redis: RedisSocket, pod: str, clock: Clock) -> list[Sample]:
    return scheduled_samples(redis, pod, clock=clock)


# The schedule is the last: it takes longest.
PARTS: dict[str, Part] = {
    "queues": queue_samples,
    "processes": process_samples,
    "counts": count_samples,
    "timetable": cron_samples,
    "health": health_samples,
    "schedule": schedule_samples,
}


def _up(place: PodPlace, value: int) -> list[Sample]:
    return [(REDIS_UP, (place.name,), value)]


def _texts(reply: Reply, most: int) -> list[str]:
    """The members of a set, in order; the first so many."""
    found = reply if isinstance(reply, list) else []
    texts = [each.decode("utf-8", "replace") for each in found if isinstance(each, bytes)]
    return sorted(texts)[:most]


def _count(reply: Reply) -> int:
    if isinstance(reply, int):
        return reply
    return int(reply) if isinstance(reply, bytes) and reply.isdigit() else 0


def _waited(oldest: Reply, now: float) -> float:
    """How long ago a job was put into its queue; 0 where there is none."""
    enqueued_at = _field(oldest, "enqueued_at")
    if not isinstance(enqueued_at, int | float):
        return 0.0
    seconds = enqueued_at / 1000 if enqueued_at > _MILLISECONDS else enqueued_at
    return max(0.0, now - seconds)


def _is_alive(told: list[Reply], now: float) -> bool:
    beat = told[2]
    try:
        return isinstance(beat, bytes) and now - float(beat) < BEAT_SECONDS
    except ValueError:
        return False


def _concurrency(info: Reply) -> int:
    threads = _field(info, "concurrency")
    return threads if isinstance(threads, int) else 0


def _field(text: Reply, name: str) -> object:
    """One value of a JSON object; None where there is none."""
    try:
        parsed = json.loads(text) if isinstance(text, bytes) else None
    except (ValueError, RecursionError):
        return None
    return parsed.get(name) if isinstance(parsed, dict) else None


def _moment(reply: Reply) -> float | None:
    """A time as sidekiq-cron writes it: `2026-11-22 08:30:00 +0000`, or ISO 8601."""
    text = reply.decode("ascii", "replace").strip() if isinstance(reply, bytes) else ""
    text = text.removesuffix(" UTC").replace(" +", "+").replace(" -", "-")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _info(reply: Reply) -> Iterator[tuple[str, str]]:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else ""
    for line in text.splitlines():
        name, separator, value = line.partition(":")
        if separator:
            yield name, value
