"""The monitor's figures: a scrape, beside prometheus_client's own, and the exporter's reading."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from monitoring.board import Board, Sample
from monitoring.metrics import METRICS
from monitoring.pod.places import PodPlace
from monitoring.serving import serve
from provision.places import CHECKOUT
from tests.bench.table import Figure, median_seconds, seconds
from tests.unit.monitoring import servers
from tests.unit.monitoring.pod.conftest import lead_to
from tests.unit.monitoring.pod.schema import ROLE, TABLES, grants

PEERS, JOBS, SAMPLES = 5_000, 100_000, 30_000
POST_BYTES = 1_500
_OF_A_PEER = [each for each in METRICS if each.labels in (("peer",), ("pod", "peer"))]


def scrape(where: Path) -> list[Figure]:
    """30,000 samples of peers over HTTP, from a board, and by prometheus_client."""
    board, samples = Board(), list(_samples())
    rendering = median_seconds(lambda: board.publish("probe", samples))
    server = serve(board, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.server_port}/metrics"
    try:
        ours = median_seconds(lambda: _get(url), 21)
        # The first scrape after something was published joins the pieces.
        fresh = statistics.median(_after_a_change(board, url) for _ in range(9))
    finally:
        server.shutdown()
        server.server_close()
    registry = _registry(samples)
    theirs = median_seconds(lambda: generate_latest(registry))
    return [
        _ms(f"scrape of {len(samples):,} samples", ours, 20, "prometheus_client", theirs),
        _ms("the same, just after a change", fresh, 20),
        _ms("rendering them, in the background", rendering),
    ]


def exporter(where: Path) -> list[Figure]:
    """5,000 peers in PostgreSQL and 100,000 jobs in Redis, read by a process of its own."""
    with servers.directory() as root:
        place = PodPlace("alpha", "alpha.example.org", root)
        for directory in (place.home, place.facts.parent, place.redis_socket.parent):
            directory.mkdir(parents=True)
        servers.own(place.redis_socket.parent)
        cluster, store = (
            servers.Postgres(_made(root / "pg")),
            servers.Redis(_made(root / "redis"), place.redis_socket),
        )
        try:
            cluster.begin()
            store.begin()
            _fill(cluster, place)
            _schedule(place)
            told = _snapshots(root)
        finally:
            cluster.stop()
            store.stop()
    assert told["failed"] == [] and told["peers"] == PEERS, told
    what = f"snapshot of {PEERS:,} peers and {JOBS:,} jobs"
    return [
        Figure(what, statistics.median(told["seconds"]), 2.0),
        Figure("peak of the process that reads them", told["peak_mb"], 60, unit="MB"),
        _ms(f"slowest scrape meanwhile, {told['samples']:,} samples", told["slowest_scrape"]),
    ]


def _ms(
    what: str,
    measured: float,
    goal: float | None = None,
    compared_with: str = "-",
    theirs: float | None = None,
) -> Figure:
    in_ms = None if theirs is None else theirs * 1000
    return Figure(what, measured * 1000, goal, compared_with, in_ms, unit="ms")


def _samples() -> Iterator[Sample]:
    for number in range(SAMPLES // len(_OF_A_PEER) + 1):
        for metric in _OF_A_PEER:
            labels = ("alpha", f"pod{number}.example.org")[-len(metric.labels) :]
            yield metric, labels, 1795337593.0 + number / 7


def _registry(samples: list[Sample]) -> CollectorRegistry:
    registry = CollectorRegistry()
    gauges = {
        metric: Gauge(metric.full_name, metric.help, metric.labels, registry=registry)
        for metric in _OF_A_PEER
    }
    for metric, labels, value in samples:
        gauges[metric].labels(*labels).set(value)
    return registry


def _after_a_change(board: Board, url: str) -> float:
    board.publish("another", [])
    return seconds(lambda: _get(url))


def _get(url: str) -> None:
    with urllib.request.urlopen(url) as answer:
        assert len(answer.read()) > SAMPLES


def _made(path: Path) -> Path:
    path.mkdir()
    servers.own(path)
    return path


def _fill(cluster: servers.Postgres, place: PodPlace) -> None:
    """Peers of which a fifth is offline, 20 people on each, and two contacts a person."""
    cluster.run(f"CREATE ROLE {ROLE} LOGIN", "CREATE DATABASE pod")
    cluster.run(
        *TABLES,
        *grants(),
        "INSERT INTO pods (host, ssl, status, offline_since, error) SELECT"
        " 'pod' || n || '.example.org', true, CASE WHEN n % 5 = 0 THEN 3 ELSE 1 END,"
        " CASE WHEN n % 5 = 0 THEN now() - interval '1 day' END,"
        f" 'FederationError: couldnt_connect' FROM generate_series(1, {PEERS}) n",
        "INSERT INTO people (owner_id, pod_id, closed_account) SELECT"
        f" CASE WHEN n % 50 = 0 THEN n END, 1 + n % {PEERS}, false"
        f" FROM generate_series(1, {20 * PEERS}) n",
        "INSERT INTO contacts (user_id, person_id) SELECT 1, 1 + n / 2"
        f" FROM generate_series(0, {40 * PEERS} - 1) n",
        "INSERT INTO posts (author_id, type) SELECT 1 + n % 90000, 'StatusMessage'"
        " FROM generate_series(1, 200000) n",
        "ANALYZE",
        database="pod",
    )
    lead_to(cluster, place, "pod")


def _schedule(place: PodPlace) -> None:
    client = redis.Redis(unix_socket_path=str(place.redis_socket))
    pipeline = client.pipeline(transaction=False)
    for number in range(JOBS):
        pipeline.zadd("schedule", {_job(number): 1795337593.0 + number})
        if number % 1000 == 999:
            pipeline.execute()
    client.close()


def _job(number: int) -> str:
    urls = [f"https://pod{1 + number % PEERS}.example.org/receive/public"]
    args = [2, f"StatusMessage:{number:032x}", urls, f"<me:env>{number}" + "x" * POST_BYTES, 3]
    job = {"retry": 0, "queue": "medium", "backtrace": 15, "class": "Workers::SendPublic"}
    return json.dumps({**job, "args": args, "jid": f"{number:024x}", "created_at": 1795337592.1})


def _snapshots(root: Path) -> dict[str, Any]:
    argv = [sys.executable, "-P", "-m", "tests.bench.one_snapshot", str(root), "5"]
    said = subprocess.run(
        argv, check=True, capture_output=True, cwd=CHECKOUT, env={"PYTHONPATH": str(CHECKOUT)}
    )
    return dict(json.loads(said.stdout))
