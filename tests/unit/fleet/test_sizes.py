"""Sizes follow from declared memory: they fit into it, and what is stated is taken."""

from __future__ import annotations

import pytest

from provision.fleet.loading import load_fleet
from provision.fleet.model import Host, Pod
from provision.fleet.sizes import CONNECTIONS_PER_POD, needed_mb, pod_sizes, sizes

GIB = 1024**3


def host(memory: int) -> Host:
    return Host.model_construct(name="vps", memory=memory)


def pod(**stated: int) -> Pod:
    return load_fleet("single-vps").pods["main"].model_copy(update=dict(stated))


@pytest.mark.parametrize(
    ("gib", "pods", "threads", "concurrency"),
    [(1, 1, 5, 5), (2, 1, 5, 10), (2, 2, 5, 5), (4, 1, 8, 15), (2, 3, 3, 5), (16, 2, 16, 25)],
)
def test_a_pod_gets_its_share(gib: int, pods: int, threads: int, concurrency: int) -> None:
    found = pod_sizes(host(gib * GIB), pod(), pods)
    assert (found.puma_threads, found.sidekiq_concurrency) == (threads, concurrency)


def test_what_is_stated_is_taken() -> None:
    found = pod_sizes(host(GIB), pod(puma_threads=7, sidekiq_concurrency=20), 1)
    assert (found.puma_threads, found.sidekiq_concurrency) == (7, 20)
    assert found.database_pool >= 20


def test_two_releases_of_each_pod_have_their_connections() -> None:
    largest = pod_sizes(host(64 * GIB), pod(puma_threads=32, sidekiq_concurrency=50), 1)
    most = 2 * (largest.puma_threads + 2 + largest.database_pool)
    assert most <= CONNECTIONS_PER_POD
    assert sizes(host(4 * GIB), 3).postgres_max_connections > 3 * CONNECTIONS_PER_POD


@pytest.mark.parametrize("gib", [1, 2, 4, 8, 64])
def test_postgresql_leaves_room(gib: int) -> None:
    found = sizes(host(gib * GIB), 1)
    assert found.postgres_shared_buffers_mb * 4 <= gib * 1024
    assert found.postgres_maintenance_work_mem_mb * 8 <= gib * 1024


def test_a_small_host_swaps_and_a_large_one_does_not() -> None:
    assert sizes(host(GIB), 1).swap_mb > 0
    assert sizes(host(8 * GIB), 1).swap_mb == 0


def test_a_gibibyte_is_enough_for_one_pod_and_no_more() -> None:
    assert needed_mb(1) <= 1024 < needed_mb(2)
