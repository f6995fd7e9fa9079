"""How much memory and disk the programs that watch may take: it follows from the host's memory.

Measured with 6,000 series, which a small server with 300 peers has: see tests/bench.
"""

from __future__ import annotations

from dataclasses import dataclass

from provision.fleet.model import Host

MIB = 1024**2
# A host without pods has nothing else to do.
_SHARE, _SHARE_WITH_PODS = 2, 8


@dataclass(frozen=True)
class MonitoringSizes:
    """`…_mb` is what Go aims at, `…_max_mb` where the kernel ends it, far above."""

    prometheus_mb: int
    prometheus_max_mb: int
    alertmanager_mb: int
    alertmanager_max_mb: int
    node_exporter_mb: int
    node_exporter_max_mb: int
    # On the disk; what is older than the fleet file's days goes earlier.
    retention_mb: int
    # What one query may hold at once, at 16 bytes each.
    query_samples: int


def monitoring_sizes(host: Host, pods: int) -> MonitoringSizes:
    """The sizes on a host with so many pods."""
    memory_mb = host.memory // MIB
    prometheus_mb = max(112, memory_mb // (_SHARE_WITH_PODS if pods else _SHARE))
    return MonitoringSizes(
        prometheus_mb=prometheus_mb,
        prometheus_max_mb=prometheus_mb * 3,
        alertmanager_mb=48,
        alertmanager_max_mb=192,
        node_exporter_mb=24,
        node_exporter_max_mb=96,
        retention_mb=max(2048, memory_mb * 2),
        query_samples=max(3_000_000, prometheus_mb * 25_000),
    )
