"""The host's memory: what is resident, and what therefore fits beside a running pod."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from provision.operations.cgroups import processes

AMPLE = "ample"
SMALL = "small"
TINY = "tiny"
SPARE_MB = 64
_PROC = Path("/proc")


def resident_mb() -> float:
    """Of all processes of the host, each shared page counted once (MB of 2^20 bytes)."""
    return _sum_mb(int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def unit_mb(unit: str) -> float:
    """Of one unit's processes; 0 where it does not run."""
    return _sum_mb(processes(unit))


def _sum_mb(pids: Iterable[int]) -> float:
    return sum(proportional_kb(_rollup(pid)) for pid in pids) / 1024


def _rollup(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        # It has ended, or it is the kernel's own.
        return ""


def proportional_kb(rollup: str) -> int:
    """A process's share of the memory that it uses, from its smaps_rollup."""
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def order(
    host_memory_mb: float,
    resident_mb: float,
    web_mb: float,
    sidekiq_mb: float,
    migrator_mb: float,
    has_migrations: bool,
) -> str:
    """`ample`: both releases fit side by side; `small`: two webs do, once the old sidekiq has
    gone; `tiny`: only one web at a time. `resident_mb` is from before any of the new release runs,
    the old web and sidekiq among it; web_mb and sidekiq_mb are what one of each takes."""
    left = host_memory_mb - resident_mb - SPARE_MB
    left -= migrator_mb if has_migrations else 0
    if left >= web_mb + sidekiq_mb:
        return AMPLE
    return SMALL if left + sidekiq_mb >= web_mb else TINY
