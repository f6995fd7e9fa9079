"""Which jobs a way back puts aside, in a real Redis: those that came after the switch."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotThere

from provision.contract import PodPlaces
from provision.operations import jobs_aside, way_back

OLD, ROLLBACK = "1.0.0.0-0123abcd", "20260101T000000000-rollback"
NOON = 1_767_268_800.0


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    # A socket's path must be short.
    directory = Path(tempfile.mkdtemp(prefix="podfleet-redis-"))
    argv = ["redis-server", "--port", "0", "--unixsocket", str(directory / "redis.sock")]
    argv += ["--dir", str(directory), "--save", ""]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as server:
        try:
            yield _answering(directory / "redis.sock")
        finally:
            server.terminate()
    shutil.rmtree(directory)


def _answering(path: Path) -> Redis:
    redis = Redis(unix_socket_path=str(path), decode_responses=True)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            redis.ping()
        except NotThere:
            time.sleep(0.05)
        else:
            return redis
    raise AssertionError(f"{path}: no Redis answers")


@pytest.fixture
def places(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodPlaces:
    """A pod with empty queues; Redis need not write: older ones than hosts have cannot say when."""
    redis.flushall()
    socket = PurePosixPath(redis.connection_pool.connection_kwargs["path"])
    monkeypatch.setattr(PodPlaces, "redis_socket", property(lambda _: socket))
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    monkeypatch.setattr(jobs_aside, "_make_durable", lambda _: None)
    places = PodPlaces("alpha")
    Path(places.way_back(OLD)).mkdir(parents=True)
    return places


def job(jid: str, at: float = NOON, **more: Any) -> str:
    """As sidekiq writes it: what was asked of the worker comes before the id."""
    told = {"args": [{"jid": 7}, '"jid":"fff"'], "class": "Work", "jid": jid, "created_at": at}
    return json.dumps({**told, **more}, separators=(",", ":"))


def everything(redis: Redis) -> dict[str, Any]:
    keys = [str(key) for key in redis.keys("*") if key != "queues"]
    return {
        key: redis.lrange(key, 0, -1)
        if redis.type(key) == "list"
        else redis.zrange(key, 0, -1, withscores=True)
        for key in sorted(keys)
    }


def test_what_came_after_the_switch_is_put_aside_and_taken_back(
    redis: Redis, places: PodPlaces
) -> None:
    redis.lpush("queue:low", job("a1"), job("a2"))
    redis.zadd("schedule", {job("a3"): 1999999999.5})
    way_back.note_jobs(places, OLD)
    redis.lpush("queue:low", job("b1"), job("b2"))
    redis.lpush("queue:high", "no json", job("b3"))
    redis.zadd("schedule", {job("b4"): 1999999998.25})
    before = everything(redis)
    counts = jobs_aside.put_aside(places, ROLLBACK, way_back.jobs(places, OLD))
    assert counts == {"queue:low": 2, "queue:high": 1, "schedule": 1}
    assert jobs_aside.put_aside(places, ROLLBACK, way_back.jobs(places, OLD)) == counts
    assert redis.lrange("queue:low", 0, -1) == [job("a2"), job("a1")]
    assert redis.lrange("queue:high", 0, -1) == ["no json"]
    assert redis.zrange("schedule", 0, -1) == [job("a3")]
    jobs_aside.take_back(places, ROLLBACK)
    jobs_aside.take_back(places, ROLLBACK)
    assert everything(redis) == before


def test_a_clock_that_was_set_back_changes_nothing(redis: Redis, places: PodPlaces) -> None:
    redis.lpush("queue:low", job("before", NOON))
    way_back.note_jobs(places, OLD)
    redis.lpush("queue:low", job("after", NOON - 86400))
    counts = jobs_aside.put_aside(places, ROLLBACK, way_back.jobs(places, OLD))
    assert counts == {"queue:low": 1}
    assert redis.lrange("queue:low", 0, -1) == [job("before", NOON)]


def test_a_job_that_failed_since_and_is_tried_again_is_no_new_one(
    redis: Redis, places: PodPlaces
) -> None:
    redis.zadd("schedule", {job("one"): 1.0})
    way_back.note_jobs(places, OLD)
    redis.delete("schedule")
    redis.zadd("retry", {job("one", retry_count=1, error_message='a "jid":"two"'): 2.0})
    assert jobs_aside.put_aside(places, ROLLBACK, way_back.jobs(places, OLD)) == {}


def test_after_a_cut_the_jobs_of_the_next_release_are_not_taken_for_those_of_before(
    redis: Redis, places: PodPlaces
) -> None:
    way_back.note_jobs(places, OLD)
    redis.lpush("queue:low", job("next"))
    way_back.note_jobs(places, OLD)
    assert way_back.jobs(places, OLD) == []


def test_many_jobs_are_no_trouble(redis: Redis, places: PodPlaces) -> None:
    """More than a command line holds; and requests wait while they are noted."""
    jids = [f"{number:024x}" for number in range(100_000)]
    redis.zadd("schedule", {job(jid): number for number, jid in enumerate(jids)})
    began = time.monotonic()
    way_back.note_jobs(places, OLD)
    noted = time.monotonic() - began
    assert sorted(way_back.jobs(places, OLD)) == jids
    redis.lpush("queue:low", job("late"))
    counts = jobs_aside.put_aside(places, ROLLBACK, way_back.jobs(places, OLD))
    assert counts == {"queue:low": 1}
    assert noted < 5
