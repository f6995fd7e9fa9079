"""The control groups around a guest: they hold it to its declared memory, and name all of it.

On cgroup v2 a group has memory.max; where version 1 still has the memory controller, a memory
group around the whole guest does it. Either way every process of the guest is in the group.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from provision.errors import Refusal

ROOT = Path("/sys/fs/cgroup")
PARENT = "podfleet-lab"


@dataclass(frozen=True)
class Group:
    """One guest's control groups; `key` is unique on this machine."""

    key: str

    def directories(self) -> list[Path]:
        """The group in each hierarchy: a guest in none of its own would share its parent's."""
        return [hierarchy / PARENT / self.key for hierarchy in _hierarchies()]

    def create(self, memory_bytes: int) -> list[Path]:
        """Makes the groups and sets the limit; returns what the guest's processes have to enter."""
        for hierarchy in _hierarchies():
            _open_controllers(hierarchy)
        for directory in self.directories():
            directory.mkdir(parents=True, exist_ok=True)
        for name, value in _limits(memory_bytes):
            for directory in self.directories():
                if (directory / name).exists():
                    (directory / name).write_text(str(value))
        if not self._is_limited(memory_bytes):
            raise Refusal(
                "lab", "this machine cannot hold a guest to its memory", "Enable memory cgroups."
            )
        return self.directories()

    def _is_limited(self, memory_bytes: int) -> bool:
        for directory in self.directories():
            for name in ("memory.max", "memory.limit_in_bytes"):
                file = directory / name
                if file.exists() and file.read_text().strip() == str(memory_bytes // 4096 * 4096):
                    return True
        return False

    def pids(self) -> set[int]:
        """Every process of the guest."""
        found: set[int] = set()
        for directory in self.directories():
            for procs in directory.rglob("cgroup.procs") if directory.exists() else ():
                # A group that the guest removes meanwhile has no processes any more.
                try:
                    found.update(map(int, procs.read_text().split()))
                except OSError:
                    continue
        found.discard(0)
        return found

    def out_of_memory_kills(self) -> int:
        """How often the kernel killed something of the guest for want of memory."""
        for directory in self.directories():
            for name in ("memory.events", "memory.oom_control"):
                if (directory / name).exists():
                    for line in (directory / name).read_text().splitlines():
                        if line.startswith("oom_kill "):
                            return int(line.split()[1])
        return 0

    def kill(self, seconds: float = 10) -> None:
        """Kills every process of the guest, at once, and waits until they are gone."""
        deadline = time.monotonic() + seconds
        while pids := self.pids():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue  # ended with its parent
            if time.monotonic() > deadline:
                raise Refusal("lab", f"processes {sorted(pids)} do not die", "See dmesg.")
            time.sleep(0.02)

    def remove(self) -> None:
        """Removes the groups, innermost first; they have to be empty."""
        for directory in self.directories():
            if directory.exists():
                inner = sorted((d for d in directory.rglob("*") if d.is_dir()), reverse=True)
                for group in [*inner, directory]:
                    _remove_empty(group)
            parent = directory.parent
            if parent.exists() and not any(d.is_dir() for d in parent.iterdir()):
                parent.rmdir()


def _remove_empty(group: Path, seconds: float = 5) -> None:
    """Removes a group; the kernel may count a process for a moment after its end."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            group.rmdir()
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise Refusal("lab", f"{group} cannot be removed: {error}", "Try again.") from error
        time.sleep(0.02)


def _hierarchies() -> list[Path]:
    """The hierarchies that count: version 2 (alone or beside), systemd's, and memory."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    names = ("memory", "systemd", "unified")
    return [ROOT / name for name in names if (ROOT / name / "cgroup.procs").exists()]


def _limits(memory_bytes: int) -> list[tuple[str, int]]:
    # Version 1 wants memory and swap together never below memory alone: first out of the way.
    return [
        ("memory.memsw.limit_in_bytes", -1),
        ("memory.limit_in_bytes", memory_bytes),
        ("memory.memsw.limit_in_bytes", memory_bytes),
        ("memory.max", memory_bytes),
        ("memory.swap.max", 0),
    ]


def _open_controllers(hierarchy: Path) -> None:
    """Lets version 2 groups below have the memory controller."""
    parent = hierarchy / PARENT
    parent.mkdir(exist_ok=True)
    for group in (hierarchy, parent):
        control = group / "cgroup.subtree_control"
        if control.exists() and "memory" in (group / "cgroup.controllers").read_text().split():
            control.write_text("+memory +pids")
