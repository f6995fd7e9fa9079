"""What the Redis source says, read from a real Redis as the monitor's own user."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis as redis_client

from monitoring.pod import queues, scheduled
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Reading, Unread
from monitoring.pod.redis_socket import MOST_BYTES
from tests.unit.monitoring import servers

NOW = 1795337700.0
SECRET = "what somebody wrote to a friend"
WAITS = [(retry + 3) ** 4 for retry in range(1, 20)]


def collected(place: PodPlace, now: float = NOW) -> Reading:
    return queues.collect(place, clock=lambda: now)


def values(reading: Reading) -> dict[tuple[str, ...], float]:
    return {(metric.name, *labels[1:]): value for metric, labels, value in reading.samples}


def send(urls: list[str], retry: int = 1, subject: str = "StatusMessage:1") -> str:
    args: list[object] = [2, subject, urls, SECRET, retry]
    return job("Workers::SendPublic", args)


def job(name: str, args: object, **more: object) -> str:
    return json.dumps({"retry": 0, "queue": "medium", "class": name, "args": args, **more})


def test_a_pod_that_has_done_nothing_yet(redis: redis_client.Redis, place: PodPlace) -> None:
    said = values(collected(place))
    assert said["redis_up",] == 1
    for queue in queues.QUEUES:
        assert said["queue_jobs", queue] == said["queue_latency_seconds", queue] == 0
    assert said["sidekiq_processes",] == said["sidekiq_busy",] == said["sidekiq_threads",] == 0
    assert said["jobs_processed_total",] == said["jobs_failed_total",] == 0
    assert said["redis_memory_bytes",] > 100_000
    assert said["redis_persistence_ok",] == 1
    assert not [key for key in said if key[0] == "cron_timestamp_seconds"]


def test_queues_of_sidekiq_7_and_8(redis: redis_client.Redis, place: PodPlace) -> None:
    redis.sadd("queues", "urgent", "medium", "mine\n", "theirs")
    redis.lpush("queue:urgent", job("X", [], enqueued_at=NOW - 90.5), job("X", [], enqueued_at=NOW))
    redis.lpush("queue:medium", job("X", [], enqueued_at=int((NOW - 7) * 1000)))
    redis.lpush("queue:mine\n", "no JSON at all", "[" * 100_000)
    redis.lpush("queue:theirs", job("X", [], enqueued_at=NOW + 5))
    said = values(collected(place))
    assert said["queue_jobs", "urgent"] == 2
    assert said["queue_latency_seconds", "urgent"] == pytest.approx(90.5)
    assert said["queue_latency_seconds", "medium"] == pytest.approx(7)
    assert said["queue_jobs", "other"] == 3
    assert said["queue_latency_seconds", "other"] == 0


def test_processes_that_are_alive(redis: redis_client.Redis, place: PodPlace) -> None:
    told: dict[Any, Any]
    for name, beat in (("alpha:1:a", NOW - 5), ("alpha:2:b", NOW - 61), ("alpha:3:c", "?")):
        told = {"info": json.dumps({"concurrency": 5}), "busy": 2, "beat": beat}
        redis.hset(name, mapping=told)
    redis.sadd("processes", "alpha:1:a", "alpha:2:b", "alpha:3:c", "alpha:4:gone")
    said = values(collected(place))
    assert said["sidekiq_processes",] == 1
    assert said["sidekiq_busy",] == 2
    assert said["sidekiq_threads",] == 5


def test_a_process_that_was_quieted_takes_no_jobs(
    redis: redis_client.Redis, place: PodPlace
) -> None:
    told: dict[Any, Any]
    for name, quiet, busy in (("alpha:1:a", "true", 3), ("alpha:2:b", "false", 2)):
        told = {
            "info": json.dumps({"concurrency": 5}), "busy": busy, "beat": NOW - 5, "quiet": quiet,
        }  # fmt: skip
        redis.hset(name, mapping=told)
    redis.sadd("processes", "alpha:1:a")
    said = values(collected(place))
    assert (said["sidekiq_processes",], said["sidekiq_busy",], said["sidekiq_threads",]) == (
        0,
        3,
        0,
    )
    redis.sadd("processes", "alpha:2:b")
    said = values(collected(place))
    assert (said["sidekiq_processes",], said["sidekiq_busy",], said["sidekiq_threads",]) == (
        1,
        5,
        5,
    )


def test_counts_and_the_timetable(redis: redis_client.Redis, place: PodPlace) -> None:
    redis.mset({"stat:processed": 20719, "stat:failed": 7917})
    redis.zadd("retry", {"a": 1, "b": 2})
    redis.zadd("dead", {"c": 3})
    for name, at in (
        ("recurring_pod_check", "2026-11-22 08:15:00 +0000"),
        ("recheck_scheduled_pods", "2026-11-22 09:30:00 +0100"),
        ("check_birthday", ""),
        ("clean_cached_files", "yesterday"),
        ("cleanup_old_exports", "2026-11-22 08:15:00 UTC"),
    ):
        redis.hset(f"cron_job:default:{name}", "last_enqueue_time", at)
    said = values(collected(place))
    assert said["jobs_processed_total",] == 20719
    assert said["jobs_failed_total",] == 7917
    assert (said["retry_jobs",], said["dead_jobs",]) == (2, 1)
    cron = {key[1]: value for key, value in said.items() if key[0] == "cron_timestamp_seconds"}
    assert cron == {
        "recurring_pod_check": 1795335300,
        "recheck_scheduled_pods": 1795336200,
        "cleanup_old_exports": 1795335300,
    }


def test_the_timetable_of_0_9_0_and_what_it_leaves_to_0_9_1(
    redis: redis_client.Redis, place: PodPlace
) -> None:
    for key, at in (
        ("cron_job:recurring_pod_check", "2026-11-21 08:15:00 +0000"),
        ("cron_job:check_birthday", "2026-11-21 08:15:00 +0000"),
        ("cron_job:default:check_birthday", ""),
        ("cron_job:recheck_scheduled_pods", "2026-11-21 08:15:00 +0000"),
        ("cron_job:default:recheck_scheduled_pods", "2026-11-22 08:15:00 +0000"),
        ("cron_job:default:cleanup_old_exports", "2026-11-21 08:15:00 +0000"),
        ("cron_job:cleanup_old_exports", "2026-11-22 08:15:00 +0000"),
    ):
        redis.hset(key, "last_enqueue_time", at)
    said = values(collected(place))
    assert {key[1]: value for key, value in said.items() if key[0] == "cron_timestamp_seconds"} == {
        "recurring_pod_check": 1795335300 - 86400,
        "check_birthday": 1795335300 - 86400,
        "recheck_scheduled_pods": 1795335300,
        "cleanup_old_exports": 1795335300,
    }


def test_deliveries_that_wait(redis: redis_client.Redis, place: PodPlace) -> None:
    first = NOW + 100
    one, two = "https://one.example.org/receive/public", "https://two.example.org:8443/receive"
    private = {"https://ONE.example.org:443/receive/users/1": SECRET}
    redis.zadd(
        "schedule",
        {
            send([one, two]): first,
            job("Workers::SendPrivate", [2, "Comment:2", private, 9]): NOW + 50,
            send([two], retry=2, subject="Contact:3"): NOW + 10,
            job("Workers::RemoveOldUser", [7]): NOW + 86400,
            job("Evil::Class{}", [SECRET]): NOW + 1,
            "no JSON": NOW + 2,
            job("Workers::SendPublic", {"no": "list"}): NOW + 3,
            job("Workers::SendPublic", [1, 2, ["nonsense", 3, "https:///x"], None]): NOW + 4,
        },
    )
    said = values(collected(place))
    classes = {key[1]: value for key, value in said.items() if key[0] == "scheduled_jobs"}
    assert classes == {"SendPublic": 4, "SendPrivate": 1, "RemoveOldUser": 1, "other": 2}
    assert said["peer_scheduled_sends", "one.example.org"] == 2
    assert said["peer_scheduled_sends", "two.example.org:8443"] == 2
    lost_at = {k[1]: v for k, v in said.items() if k[0] == "peer_lost_at_timestamp_seconds"}
    assert lost_at == {
        # The private one is at its last attempt.
        "one.example.org": NOW + 50,
        "two.example.org:8443": first + sum(WAITS[1:9]),
    }
    assert lost_at["two.example.org:8443"] - NOW == pytest.approx(17 * 3600, rel=0.02)
    ages = {key[1]: value for key, value in said.items() if key[0] == "scheduled_sends"}
    assert ages == {"10m": 2, "1h": 1, "6h": 0, "1d": 1, "older": 0}
    assert SECRET not in repr(collected(place))


def test_a_contact_is_tried_for_13_days(redis: redis_client.Redis, place: PodPlace) -> None:
    redis.zadd("schedule", {send(["https://one.example.org/"], subject="Contact:1"): NOW + 256})
    said = values(collected(place))
    lost_at = said["peer_lost_at_timestamp_seconds", "one.example.org"]
    assert 13 <= (lost_at - NOW) / 86400 <= 13.5


@pytest.mark.parametrize(
    ("said", "last"),
    [
        ({"cron_job:default:recurring_pod_check": 5}, 4),
        ({"cron_job:default:recurring_pod_check": 20}, 19),
        # sidekiq-cron 1, alone, and as it is left behind by an upgrade.
        ({"cron_job:recurring_pod_check": 3}, 2),
        ({"cron_job:recurring_pod_check": 3, "cron_job:default:recurring_pod_check": 12}, 11),
        # No retries: what waits from before is tried once.
        ({"cron_job:default:recurring_pod_check": 0}, 1),
        ({"cron_job:default:recurring_pod_check": True}, 9),
        ({"cron_job:default:recurring_pod_check": "?"}, 9),
        ({}, 9),
    ],
)
def test_a_pod_says_itself_how_often_it_tries(
    redis: redis_client.Redis, place: PodPlace, said: dict[str, Any], last: int
) -> None:
    for key, retry in said.items():
        message = {"retry": retry, "queue": "low", "class": "Workers::RecurringPodCheck"}
        redis.hset(key, "message", json.dumps(message))
    redis.zadd("schedule", {send(["https://one.example.org/"]): NOW})
    seen = values(collected(place))
    assert seen["peer_lost_at_timestamp_seconds", "one.example.org"] == NOW + sum(WAITS[1:last])


def test_a_job_that_is_huge_is_counted_and_skipped(
    redis: redis_client.Redis, place: PodPlace
) -> None:
    redis.zadd("schedule", {job("X", "x" * MOST_BYTES): 1, send(["https://one.example.org/"]): 2})
    said = values(collected(place))
    assert said["scheduled_jobs", "other"] == 1
    assert said["peer_scheduled_sends", "one.example.org"] == 1


def test_a_schedule_is_read_in_chunks(
    redis: redis_client.Redis, place: PodPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduled, "CHUNK", 7)
    for count in (6, 7, 8, 21):
        jobs = {send([f"https://p{n}.example.org/"]): float(n) for n in range(count)}
        redis.zadd("schedule", jobs)
        said = values(collected(place))
        assert said["scheduled_jobs", "SendPublic"] == count


def test_a_schedule_that_is_not_read_in_time_is_absent(
    redis: redis_client.Redis, place: PodPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduled, "CHUNK", 1)
    monkeypatch.setattr(scheduled, "BUDGET_SECONDS", 0.0)
    redis.zadd("schedule", {send(["https://one.example.org/"]): 1.0, send([]): 2.0})
    reading = collected(place)
    assert not [key for key in values(reading) if "scheduled" in key[0]]
    assert values(reading)["retry_jobs",] == 0
    assert reading.left_out == ["schedule left out: not read in 0 s"]


def test_a_command_that_is_not_granted_takes_only_what_needs_it(
    redis: redis_client.Redis, place: PodPlace
) -> None:
    redis.acl_setuser("podfleet-monitor", commands=["-info", "-zrange"], enabled=True)
    reading = collected(place)
    said = values(reading)
    assert ("redis_memory_bytes",) not in said
    assert not [key for key in said if key[0].startswith("scheduled")]
    assert said["retry_jobs",] == 0
    assert reading.left_out == ["health left out: NOPERM", "schedule left out: NOPERM"]


def test_a_user_that_is_unknown_says_nothing_of_redis(
    redis: redis_client.Redis, place: PodPlace
) -> None:
    redis.acl_deluser("podfleet-monitor")
    with pytest.raises(Unread, match="WRONGPASS") as refused:
        collected(place)
    assert refused.value.samples == ()


def test_no_redis_at_all(place: PodPlace) -> None:
    with pytest.raises(Unread, match="FileNotFoundError") as refused:
        collected(place)
    assert [value for _, _, value in refused.value.samples] == [0]


def test_the_monitor_writes_nothing(
    redis_server: servers.Redis, redis: redis_client.Redis, place: PodPlace
) -> None:
    redis.zadd("schedule", {send(["https://one.example.org/"]): time.time()})
    before = redis.dbsize()
    collected(place)
    assert redis.dbsize() == before
    monitor = redis_client.Redis(
        unix_socket_path=str(redis_server.unixsocket), username="podfleet-monitor", password=""
    )
    with pytest.raises(redis_client.exceptions.NoPermissionError):
        monitor.delete("schedule")
    monitor.close()
