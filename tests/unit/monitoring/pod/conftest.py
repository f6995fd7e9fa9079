"""A pod's PostgreSQL and Redis, real ones, and a place that leads to them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client

from monitoring.pod.places import PodPlace
from tests.unit.monitoring import servers
from tests.unit.monitoring.pod.schema import ROLE, TABLES, grants

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    with servers.directory() as where:
        cluster = servers.Postgres(where)
        cluster.begin()
        cluster.run(f"CREATE ROLE {ROLE} LOGIN")
        try:
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def place() -> Iterator[PodPlace]:
    """A pod with nothing there yet, below a root of its own."""
    with servers.directory() as root:
        pod = PodPlace("alpha", "alpha.example.org", root)
        pod.home.mkdir(parents=True)
        for path in (pod.facts, pod.redis_socket):
            path.parent.mkdir(parents=True)
        servers.own(pod.redis_socket.parent)
        yield pod


@pytest.fixture
def database(postgres: servers.Postgres, place: PodPlace) -> str:
    """An empty database of the pod, which the facts name and the monitor may read."""
    name = f"pod{next(_numbers)}"
    postgres.run(f"CREATE DATABASE {name}")
    postgres.run(*TABLES, *grants(), database=name)
    lead_to(postgres, place, name)
    return name


def lead_to(postgres: servers.Postgres, place: PodPlace, name: str | None) -> None:
    """Lets the place's socket be the cluster's, and the facts name the database."""
    place.postgres_socket.parent.parent.mkdir(parents=True, exist_ok=True)
    if not place.postgres_socket.parent.exists():
        place.postgres_socket.parent.symlink_to(postgres.sockets)
    tell(place, database=name)


def tell(place: PodPlace, **facts: object) -> None:
    place.facts.write_text(json.dumps({"format": 1, "pod": place.name, "operation": None, **facts}))


@pytest.fixture
def redis_server(place: PodPlace) -> Iterator[servers.Redis]:
    server = servers.Redis(_directory_for(place), place.redis_socket)
    server.begin()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis(redis_server: servers.Redis) -> Iterator[redis_client.Redis]:
    """As sidekiq uses it: with all rights."""
    client = redis_client.Redis(unix_socket_path=str(redis_server.unixsocket), protocol=2)
    try:
        yield client
    finally:
        client.close()


def _directory_for(place: PodPlace) -> Path:
    where = place.root / "redis"
    where.mkdir()
    servers.own(where)
    return where
