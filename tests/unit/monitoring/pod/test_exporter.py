"""The exporter over real servers: what is away is absent, what comes back is there, none waits."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import redis as redis_client

from monitoring.board import Board
from monitoring.metrics import POSTS
from monitoring.peers import Peers
from monitoring.pod import exporter, queues, sessions
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Reading, Source, Unread
from monitoring.pod.sources import SOURCES
from tests.unit.monitoring import servers
from tests.unit.monitoring.pod.conftest import tell
from tests.unit.monitoring.test_board import parsed

SERVERS = tuple(source for source in SOURCES if source.name in ("database", "redis"))
SECONDS = 0.1
PATIENCE_SECONDS = 60.0


class Watched:
    """A board, and what it shows."""

    def __init__(self) -> None:
        self.board, self.peers = Board(), Peers()

    def __getitem__(self, key: tuple[str, ...]) -> float | None:
        """A value by the metric's name and its labels; None where it is absent."""
        return parsed(self.board).get((f"podfleet_{key[0]}", key[1:]))

    async def until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not what():
            assert time.monotonic() < deadline, self.board.text().decode()
            await asyncio.sleep(0.02)

    @contextlib.asynccontextmanager
    async def reading(
        self, places: Sequence[PodPlace], sources: Sequence[Source] = SERVERS
    ) -> AsyncIterator[None]:
        run = exporter.run(places, self.board, self.peers, seconds=SECONDS, sources=sources)
        running = asyncio.create_task(run)
        try:
            yield
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_what_is_away_is_absent_and_what_comes_back_is_there(
    postgres: servers.Postgres,
    database: str,
    redis_server: servers.Redis,
    place: PodPlace,
) -> None:
    watched = Watched()

    def is_there(name: str) -> bool:
        return watched[name, "alpha", *(["urgent"] if name == "queue_jobs" else [])] is not None

    async with watched.reading([place]):
        await watched.until(lambda: is_there("posts") and is_there("queue_jobs"))
        assert watched["source_up", "database", "alpha"] == 1

        postgres.stop()
        await watched.until(lambda: not is_there("posts"))
        assert watched["database_up", "alpha"] == watched["source_up", "database", "alpha"] == 0
        last = watched["source_timestamp_seconds", "database", "alpha"]
        assert last is not None and is_there("queue_jobs")

        redis_server.stop()
        await watched.until(lambda: not is_there("queue_jobs"))
        assert watched["redis_up", "alpha"] == watched["source_up", "redis", "alpha"] == 0
        assert watched["source_timestamp_seconds", "database", "alpha"] == last

    watched = Watched()
    async with watched.reading([place]):
        await watched.until(lambda: watched["redis_up", "alpha"] == 0)
        await watched.until(lambda: watched["database_up", "alpha"] == 0)
        # Restarted, it knows nothing of the time before.
        assert watched["source_timestamp_seconds", "database", "alpha"] is None
        assert not is_there("posts") and not is_there("queue_jobs")

        postgres.begin()
        redis_server.begin()
        await watched.until(lambda: is_there("posts") and is_there("queue_jobs"))
        assert watched["database_up", "alpha"] == watched["redis_up", "alpha"] == 1


async def test_an_upgrade_changes_the_database_and_is_not_in_its_way(
    postgres: servers.Postgres, database: str, place: PodPlace
) -> None:
    watched = Watched()
    async with watched.reading([place], SERVERS[:1]):
        await watched.until(lambda: watched["source_up", "database", "alpha"] == 1)
        postgres.run(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        await watched.until(lambda: watched["database_up", "alpha"] == 0)
        postgres.run(f"CREATE DATABASE {database}_next TEMPLATE {database}")
        tell(place, database=f"{database}_next")
        await watched.until(lambda: watched["source_up", "database", "alpha"] == 1)


async def test_peers_are_learned(
    postgres: servers.Postgres, database: str, place: PodPlace
) -> None:
    postgres.run("INSERT INTO pods (host, ssl) VALUES ('one.example.org', true)", database=database)
    watched = Watched()
    async with watched.reading([place], SERVERS[:1]):
        await watched.until(lambda: bool(watched.peers.all()))
    assert [peer.url for peer in watched.peers.all()] == ["https://one.example.org"]


@pytest.fixture
def hole(place: PodPlace) -> Iterator[PodPlace]:
    """A pod whose servers take connections and never say a word."""
    root = place.root / "hole"
    pod = PodPlace("hole", "hole.example.org", root)
    pod.home.mkdir(parents=True)
    with contextlib.ExitStack() as open_sockets:
        for path in (pod.postgres_socket, pod.redis_socket):
            open_sockets.enter_context(_silent(path))
        pod.facts.parent.mkdir(parents=True)
        tell(pod, database="pod")
        yield pod


@contextlib.contextmanager
def _silent(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        yield


async def test_the_black_hole_of_one_pod_delays_no_other(
    redis: redis_client.Redis, place: PodPlace, hole: PodPlace
) -> None:
    watched = Watched()
    readings: set[float] = set()
    sources = [replace(source, deadline_seconds=0.3) for source in SERVERS]
    patient = [replace(sources[1], deadline_seconds=20)]

    def has_read_alpha_often() -> bool:
        readings.add(watched["source_timestamp_seconds", "redis", "alpha"] or 0)
        return len(readings) > 5

    async with watched.reading([hole], sources), watched.reading([place], patient):
        await watched.until(has_read_alpha_often)
        await watched.until(lambda: watched["source_up", "database", "hole"] == 0)
        await watched.until(lambda: watched["source_up", "redis", "hole"] == 0)
    assert watched["queue_jobs", "hole", "urgent"] is None


@pytest.mark.parametrize("source", SERVERS, ids=lambda source: source.name)
def test_a_source_gives_up_a_silent_server_by_itself(
    hole: PodPlace, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sessions, queues):
        monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(Unread) as refused:
        source.begin()(hole)
    assert [value for _, _, value in refused.value.samples] == [0]


async def test_what_hangs_is_not_begun_twice_and_comes_back(place: PodPlace) -> None:
    let_go, begun = threading.Event(), []

    def collect(place: PodPlace) -> Reading:
        begun.append(place)
        let_go.wait(PATIENCE_SECONDS)
        return Reading([(POSTS, (place.name,), len(begun))])

    watched = Watched()
    source = Source("slow", lambda: collect, deadline_seconds=0.1)
    async with watched.reading([place], [source]):
        await watched.until(lambda: watched["source_up", "slow", "alpha"] == 0)
        await asyncio.sleep(5 * SECONDS)
        assert len(begun) == 1
        let_go.set()
        await watched.until(lambda: watched["posts", "alpha"] is not None)
    # What came too late was not shown.
    assert (watched["posts", "alpha"] or 0) > 1


async def test_a_source_that_breaks_is_alone_and_its_words_stay_within(
    place: PodPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(place: PodPlace) -> Reading:
        raise RuntimeError("a secret that was read")

    def misshaped(place: PodPlace) -> Reading:
        return Reading([(POSTS, ("a", "label", "too many"), 1)])

    def well(place: PodPlace) -> Reading:
        return Reading([(POSTS, (place.name,), 1)])

    sources = [Source(each.__name__, lambda each=each: each) for each in (broken, misshaped, well)]  # type: ignore[misc]
    watched = Watched()
    async with watched.reading([place], sources):
        await watched.until(lambda: watched["posts", "alpha"] == 1)
        for name in ("broken", "misshaped"):
            await watched.until(lambda name=name: watched["source_up", name, "alpha"] == 0)  # type: ignore[misc]
        await asyncio.sleep(3 * SECONDS)
    said = capsys.readouterr().err.splitlines()
    # Once, though it was tried again and again.
    assert sorted(said) == ["alpha: broken: RuntimeError", "alpha: misshaped: ValueError"]


async def test_of_a_pod_that_is_not_there_nothing_is_said(
    redis: redis_client.Redis, place: PodPlace
) -> None:
    """Declared and not launched yet, or retired: nobody misses what it would tell."""
    watched = Watched()
    async with watched.reading([place], SERVERS[1:]):
        await watched.until(lambda: watched["source_up", "redis", "alpha"] == 1)
        place.home.rmdir()
        await watched.until(lambda: watched["source_up", "redis", "alpha"] is None)
        place.home.mkdir()
        await watched.until(lambda: watched["source_up", "redis", "alpha"] == 1)


async def test_a_host_without_pods_has_an_exporter_all_the_same() -> None:
    watched = Watched()
    async with watched.reading([]):
        await asyncio.sleep(0.05)
    assert watched.board.text() == b""
