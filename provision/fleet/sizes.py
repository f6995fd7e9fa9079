"""How large everything on a host is: all of it follows from the declared memory and the pods.

The figures come from real pods: a web process holds 203 MB after its boot, sidekiq 190 MB, and
a host with one pod 360 MB in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provision.fleet.model import Host, Pod

MIB = 1024**2
# What Debian, PostgreSQL and nginx hold before any pod.
HOST_RESIDENT_MB = 250
# Web, sidekiq and Redis of one pod, with what they grow by in use.
POD_RESIDENT_MB = 440
# Both processes of two releases at their largest (32 threads and 50 jobs, and some to spare).
CONNECTIONS_PER_POD = 180
SPARE_CONNECTIONS = 20
# Least memory a pod (MiB), puma's threads, sidekiq's concurrency.
THREADS: Sequence[tuple[int, int, int]] = (
    (6 * 1024, 16, 25),
    (3 * 1024, 8, 15),
    (1536, 5, 10),
    (900, 5, 5),
    (0, 3, 5),
)


@dataclass(frozen=True)
class HostSizes:
    """What the pods of a host share."""

    postgres_shared_buffers_mb: int
    postgres_effective_cache_mb: int
    postgres_work_mem_mb: int
    postgres_maintenance_work_mem_mb: int
    postgres_max_connections: int
    swap_mb: int


@dataclass(frozen=True)
class PodSizes:
    """What one pod has to itself; pod.json carries it to the host."""

    puma_threads: int
    sidekiq_concurrency: int
    database_pool: int
    web_memory_max_mb: int
    sidekiq_memory_max_mb: int


def needed_mb(pods: int) -> int:
    """Memory that a host with so many pods needs at least."""
    return HOST_RESIDENT_MB + POD_RESIDENT_MB * pods


def sizes(host: Host, pods: int) -> HostSizes:
    """The sizes of a host with so many pods."""
    memory_mb = host.memory // MIB
    return HostSizes(
        postgres_shared_buffers_mb=_between(64, memory_mb // 8, 4096),
        postgres_effective_cache_mb=memory_mb // 2,
        postgres_work_mem_mb=_between(4, memory_mb // 512, 32),
        postgres_maintenance_work_mem_mb=_between(32, memory_mb // 16, 1024),
        postgres_max_connections=SPARE_CONNECTIONS + CONNECTIONS_PER_POD * max(1, pods),
        # Enough to push out what is never used again; a host that swaps in use is too small.
        swap_mb=1024 if memory_mb < 4096 else 0,
    )


def pod_sizes(host: Host, pod: Pod, pods: int) -> PodSizes:
    """The sizes of one pod on a host with so many; what the fleet file states is taken."""
    share_mb = host.memory // MIB // max(1, pods)
    threads, concurrency = next(found[1:] for found in THREADS if share_mb >= found[0])
    threads = pod.puma_threads or threads
    concurrency = pod.sidekiq_concurrency or concurrency
    return PodSizes(
        puma_threads=threads,
        sidekiq_concurrency=concurrency,
        # Each process has a pool of its own; the larger of the two needs it, and its scheduler.
        database_pool=max(threads, concurrency) + 2,
        web_memory_max_mb=max(448, share_mb * 6 // 10),
        sidekiq_memory_max_mb=max(448, share_mb * 5 // 10),
    )


def _between(least: int, wanted: int, most: int) -> int:
    return max(least, min(wanted, most))
