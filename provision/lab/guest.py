"""One guest: a disk image laid over a cached image, booted by systemd-nspawn; its power and link.

The overlay's upper side lies on an ext4 image of the guest's own: when the power is cut, that
file system is shut down without its journal, and what was not synced is lost. Both are mounted
in a mount namespace of the guest's own: whatever ends the guest, no mount is left behind, and no
other guest holds its disk.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from provision.errors import Refusal
from provision.lab import mounts
from provision.lab.commands import call
from provision.lab.container import forget_machine
from provision.lab.memory import Group
from provision.lab.processes import Record, read_record, start_detached

# linux/ext4.h: EXT4_IOC_SHUTDOWN, with EXT4_GOING_FLAGS_NOLOGFLUSH.
EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = struct.pack("I", 2)

SHUTDOWN_SECONDS = 30
REBOOT_REQUESTED = 133

# nspawn leaves a reboot to its caller (exit code 133), for it keeps no unit.
# Arguments: disk, where to mount it, overlay options, root, argv.
_POWER_ON = f"""
disk=$1 volume=$2 options=$3 root=$4; shift 4
mount -o loop,noatime "$disk" "$volume" || exit 1
mount -t overlay podfleet-lab -o "$options" "$root" || exit 1
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
        """Where the guest's file system is mounted."""
        return self.directory / "root"

    def seen(self, path: Path) -> Path:
        """A path below `volume` or `root` as this process can open it, while the guest runs."""
        process = self.process()
        if process is None:
            raise Refusal(f"lab host {self.name}", "is off", f"podfleet lab boot {self.name}")
        return Path(f"/proc/{process.pid}/root{path}")

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
        return self.disk.exists()

    def create(
        self, image: Sequence[Path], disk_bytes: int, write_identity: Callable[[Path], None]
    ) -> None:
        """Makes the guest's disk over an image (topmost layer first), with its own files on it."""
        for directory in (self.directory, self.volume, self.root):
            directory.mkdir(mode=0o700, exist_ok=True)
        (self.directory / "image.json").write_text(json.dumps([str(path) for path in image]))
        partial = self.disk.with_suffix(".part")
        partial.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=self.directory) as files:
            for name in ("upper", "work"):
                (Path(files) / name).mkdir(mode=0o755)
            write_identity(Path(files) / "upper")
            with partial.open("wb") as file:
                file.truncate(disk_bytes)
            options = "lazy_itable_init=1,lazy_journal_init=1"
            call(["mkfs.ext4", "-q", "-E", options, "-d", files, str(partial)])
        partial.rename(self.disk)

    def _image(self) -> list[Path]:
        image = [Path(path) for path in json.loads((self.directory / "image.json").read_text())]
        missing = [path for path in image if not path.exists()]
        if missing:
            do = "Run `podfleet lab down --purge`, then `podfleet up`."
            raise Refusal(f"lab host {self.name}", f"its image {missing[0]} is gone", do)
        return image

    # -- power -----------------------------------------------------------------------------

    def process(self) -> Record | None:
        """The running guest's supervisor; None while it is off."""
        return read_record(self._record)

    def is_running(self) -> bool:
        return self.process() is not None

    def boot(self, bridge: str) -> None:
        """Boots the guest; returns as soon as its init runs, long before its SSH server does."""
        self.group.kill()
        self._wait_let_go()
        nspawn = [
            "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--settings=no",
            "--console=read-only", "--link-journal=no", "--timezone=off", "--resolv-conf=off",
            f"--machine={self.machine}", f"--hostname={self.name}", f"--directory={self.root}",
            f"--network-bridge={bridge}",
        ]  # fmt: skip
        options = mounts.overlay(self._image(), self.volume / "upper", self.volume / "work")
        power = ["unshare", "--mount", "--propagation", "slave", "--", "sh", "-c", _POWER_ON]
        power += ["guest", str(self.disk), str(self.volume), options, str(self.root)]
        start_detached(
            [*power, *nspawn],
            self._record,
            self.directory / "console.log",
            cgroups=self.group.create(self.memory_bytes),
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
        if not self.is_running():
            self._clear()
            return
        # Held open across the kill: when an overlay or a disk loses its last user, the kernel
        # writes out all that is left, which no power cut does.
        held = [os.open(self.seen(path), os.O_DIRECTORY) for path in (self.volume, self.root)]
        try:
            self.group.kill()
            shut_down_file_system(held[0])
        finally:
            for descriptor in held:
                os.close(descriptor)
        self._clear()

    def _clear(self) -> None:
        self.group.kill()
        self._wait_let_go()
        self.group.remove()
        forget_machine(self.machine)

    def _wait_let_go(self, seconds: float = 20) -> None:
        """Waits until the kernel has let go of the disk: mounted earlier, it would be uncut."""
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


def shut_down_file_system(descriptor: int) -> None:
    """Stops an ext4 file system as if its disk had lost power: nothing more reaches it."""
    fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH)
