"""One guest: a disk image laid over a cached image, booted by systemd-nspawn; its power and link.

The overlay's upper side lies on an ext4 image of the guest's own: when the power is cut, that
file system is shut down without its journal, and what was not synced is lost.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provision.errors import Refusal
from provision.lab import mounts
from provision.lab.commands import call
from provision.lab.memory import Group
from provision.lab.processes import Record, read_record, start_detached

# linux/ext4.h: EXT4_IOC_SHUTDOWN, with EXT4_GOING_FLAGS_NOLOGFLUSH.
EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = struct.pack("I", 2)

DISK_BYTES = 12 << 30
SHUTDOWN_SECONDS = 30
REBOOT_REQUESTED = 133

# nspawn leaves a reboot to its caller (exit code 133), for it keeps no unit. Arguments: argv.
_KEEP_BOOTING = f"""
while :; do
    "$@" && exit 0
    code=$?
    [ "$code" = {REBOOT_REQUESTED} ] || exit "$code"
done
"""


@dataclass(frozen=True)
class Guest:
    """A guest's files below `directory`; `machine` is its name among all of this machine's."""

    name: str
    machine: str
    directory: Path
    memory_bytes: int

    @property
    def disk(self) -> Path:
        return self.directory / "disk.ext4"

    @property
    def volume(self) -> Path:
        """Where the disk image is mounted."""
        return self.directory / "volume"

    @property
    def root(self) -> Path:
        """The guest's file system, whether it runs or not (while it is mounted)."""
        return self.directory / "root"

    @property
    def interface(self) -> str:
        """The controller's end of the guest's link, as nspawn names it."""
        return f"vb-{self.machine}"

    @property
    def group(self) -> Group:
        return Group(self.machine)

    @property
    def _record(self) -> Path:
        return self.directory / "nspawn.json"

    # -- disk ------------------------------------------------------------------------------

    def exists(self) -> bool:
        return (self.directory / "image.json").exists()

    def create(self, image: Sequence[Path]) -> None:
        """Makes the guest's empty disk over an image; `image` has the topmost layer first."""
        mounts.remove_tree(self.directory)
        for directory in (self.directory, self.volume, self.root):
            directory.mkdir(mode=0o700)
        with self.disk.open("wb") as file:
            file.truncate(DISK_BYTES)
        call(["mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", str(self.disk)])
        (self.directory / "image.json").write_text(json.dumps([str(path) for path in image]))

    def mount(self) -> None:
        """Mounts the guest's disk and, over its image, its root."""
        image = [Path(path) for path in json.loads((self.directory / "image.json").read_text())]
        missing = [path for path in image if not path.exists()]
        if missing:
            do = "Run `podfleet lab down --purge`, then `podfleet up`."
            raise Refusal(f"lab host {self.name}", f"its image {missing[0]} is gone", do)
        if not mounts.is_mounted(self.volume):
            mounts.mount_image(self.disk, self.volume)
        for name in ("upper", "work"):
            (self.volume / name).mkdir(mode=0o755, exist_ok=True)
        if not mounts.is_mounted(self.root):
            upper, work = self.volume / "upper", self.volume / "work"
            mounts.mount_overlay(image, upper, work, self.root)

    def unmount(self) -> None:
        mounts.unmount_below(self.directory)

    # -- power -----------------------------------------------------------------------------

    def process(self) -> Record | None:
        """The running guest's supervisor; None while it is off."""
        return read_record(self._record)

    def is_running(self) -> bool:
        return self.process() is not None

    def boot(self, bridge: str) -> None:
        """Boots the guest; returns as soon as its init runs, long before its SSH server does."""
        self.group.kill()
        self.mount()
        groups = self.group.create(self.memory_bytes)
        nspawn = [
            "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--settings=no",
            "--console=read-only", "--link-journal=no", "--timezone=off", "--resolv-conf=off",
            f"--machine={self.machine}", f"--hostname={self.name}", f"--directory={self.root}",
            f"--network-bridge={bridge}",
        ]  # fmt: skip
        start_detached(
            ["sh", "-c", _KEEP_BOOTING, "guest", *nspawn],
            self._record,
            self.directory / "console.log",
            cgroups=groups,
            # The guest's systemd runs on cgroup v2 only, also where the controller is hybrid.
            environment={"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )

    def shut_down(self) -> None:
        """Shuts the guest down in order, then takes its disk off."""
        process = self.process()
        if process is not None:
            for pid in self._nspawn_pids():
                os.kill(pid, signal.SIGTERM)
            if not process.wait_gone(SHUTDOWN_SECONDS):
                self.group.kill()
        self._clear()

    def cut_power(self) -> None:
        """Ends the guest as a power cut does: at once, and what was not synced is lost."""
        self.group.kill()
        if mounts.is_mounted(self.volume):
            shut_down_file_system(self.volume)
        self._clear()

    def _clear(self) -> None:
        self.group.kill()
        self._wait_unused()
        self.group.remove()

    def _wait_unused(self, seconds: float = 20) -> None:
        """Unmounts, and waits until the kernel has let go of the disk with the last namespace.

        Mounted again before that, it would be the same file system still: shut down, or uncut.
        """
        self.unmount()
        deadline = time.monotonic() + seconds
        while mounts.is_image_in_use(self.disk):
            if time.monotonic() > deadline:
                do = "See `losetup --list`, end what uses it, then try again."
                raise Refusal(f"lab host {self.name}", f"{self.disk} is still in use", do)
            time.sleep(0.02)

    def _nspawn_pids(self) -> list[int]:
        names = {pid: Path(f"/proc/{pid}/comm") for pid in self.group.pids()}
        return [
            pid for pid, comm in names.items()
            if comm.exists() and comm.read_text().strip() == "systemd-nspawn"
        ]  # fmt: skip

    def remove(self) -> None:
        """Ends the guest and removes all of it."""
        self.cut_power()
        mounts.remove_tree(self.directory)


def shut_down_file_system(mount_point: Path) -> None:
    """Stops an ext4 file system as if its disk had lost power: nothing more reaches it."""
    descriptor = os.open(mount_point, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH)
    finally:
        os.close(descriptor)
