"""A unit's processes, as the kernel lists them in its control group."""

from __future__ import annotations

from pathlib import Path

from provision.operations.commands import unit_properties

# Version 2 alone, and beside version 1.
_ROOTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup/systemd"))


def processes(unit: str) -> list[int]:
    """Their ids; none where the unit does not run."""
    group = unit_properties(unit, "ControlGroup")["ControlGroup"].lstrip("/")
    if not group:
        return []
    found = (root / group for root in _ROOTS if (root / group / "cgroup.procs").exists())
    return _processes_below(next(found, None))


def _processes_below(group: Path | None) -> list[int]:
    """Those of the groups within it, too."""
    if group is None:
        return []
    pids: list[int] = []
    for listed in group.rglob("cgroup.procs"):
        try:
            pids += [int(line) for line in listed.read_text().split()]
        except OSError:
            # The group ended while it was looked at.
            continue
    return pids
