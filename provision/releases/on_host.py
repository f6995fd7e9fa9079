"""Building on a pod host, where the controller cannot: in a Debian of its own, at idle priority.

The pods of the host go on meanwhile. Nothing stays there: neither compilers nor the build.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from provision.contract import STATE
from provision.errors import Refusal
from provision.hosts.connection import Connection
from provision.lab.image import MIRROR, SUITE, Layer
from provision.report import Report

BUILDS = STATE / "builds"
UNIT = "podfleet-build"
# What compiling diaspora* took at its peak was 574 MB; the pods keep what they have.
NEEDED_BYTES = 900 << 20
NEEDED_DISK_BYTES = 4 << 30
SWAP_BYTES = 1 << 30

_HAS = """
set -eu
mkdir -p -m 0700 -- "$1"
awk '/^(MemAvailable|SwapFree):/ { kib += $2 } END { print kib * 1024 }' /proc/meminfo
df --output=avail --block-size=1 -- "$1" | tail -n 1
"""

# Arguments: swap file, bytes.
_ADD_SWAP = """
set -eu
umask 077
fallocate --length "$2" -- "$1"
mkswap --quiet -- "$1"
swapon -- "$1"
"""

# A second build on the host finds the first one's unit and is told so. Arguments: place, root,
# suite, packages, mirror.
_PREPARE = """
set -eu
# What is half made is thrown away: nothing need be synced.
export DEBIAN_FRONTEND=noninteractive LC_ALL=C DPKG_FORCE=unsafe-io
command -v debootstrap >/dev/null || apt-get -q -y install --no-install-recommends debootstrap
eval "$(apt-config shell proxy Acquire::http::Proxy)"
[ -z "${proxy:-}" ] || export http_proxy="$proxy"
mkdir -p -- "$1"
exec nice -n 19 debootstrap --variant=minbase --include="$4" "$3" "$2" "$5"
"""

_REMOVE = """
set -eu
[ ! -e "$1/swap" ] || swapoff -- "$1/swap" || :
rm -rf --one-file-system -- "$1"
"""


class PodHost:
    """Builds on the host at the end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def architecture(self) -> str:
        """What is built there runs on that host's `uname -m`."""
        return self.connection.run(["uname", "-m"]).stdout.decode().strip()

    def run(
        self,
        argv: Sequence[str],
        image: Layer,
        place: Path,
        environment: Mapping[str, str],
        report: Report,
    ) -> int:
        """Runs argv as root in a new Debian on the host, `place` being /build; its exit code."""
        with self._place(place.name) as there:
            self._make_room(there, report)
            report.line(f"host {self.connection.name}: making a Debian to build in")
            packages = ",".join(("ca-certificates", "python3", *image.packages))
            prepare = [str(there), str(there / "root"), SUITE, packages, MIRROR]
            self._script(_PREPARE, prepare)
            self.connection.send_tree(place, there / "build")
            # The recipe's own user goes in there.
            self.connection.run(["chmod", "0755", "--", str(there / "build")])
            exit_code = self._build(self._unit(there, environment) + list(argv), report)
            self._fetch(there / "build/out", place / "out")
            return exit_code

    @contextmanager
    def _place(self, name: str) -> Iterator[PurePosixPath]:
        if self.connection.run(["systemctl", "is-active", UNIT], check=False).returncode == 0:
            raise Refusal(
                f"host {self.connection.name}",
                "a release is being built there already",
                f"Wait for it (`systemctl status {UNIT}` there), then run the command again.",
            )
        # What an interrupted build left.
        self._script(_REMOVE, [str(BUILDS)])
        try:
            yield BUILDS / name
        finally:
            self._script(_REMOVE, [str(BUILDS / name)])

    def _make_room(self, there: PurePosixPath, report: Report) -> None:
        memory, disk = map(int, self._script(_HAS, [str(there)]).split())
        if disk < NEEDED_DISK_BYTES:
            raise self._too_small("disk", disk, NEEDED_DISK_BYTES)
        if memory < NEEDED_BYTES:
            report.line(f"host {self.connection.name}: adding 1 GiB of swap for the build")
            try:
                self._script(_ADD_SWAP, [str(there / "swap"), str(SWAP_BYTES)])
            except Refusal as error:
                raise self._too_small("memory", memory, NEEDED_BYTES) from error

    def _too_small(self, of: str, has: int, needs: int) -> Refusal:
        return Refusal(
            f"host {self.connection.name}",
            f"it has {has >> 20} MiB of {of} free, and compiling needs {needs >> 20}",
            "Build on another host of that architecture with `podfleet build --on HOST`.",
        )

    def _unit(self, there: PurePosixPath, environment: Mapping[str, str]) -> list[str]:
        """Whatever else wants the host's processor, disk or memory goes first."""
        properties = [
            f"RootDirectory={there}/root",
            f"BindPaths={there}/build:/build",
            "BindReadOnlyPaths=/etc/resolv.conf /etc/ssl/certs",
            "MountAPIVFS=yes", "PrivateDevices=yes", "PrivateTmp=yes", "ProtectKernelTunables=yes",
            "Nice=19", "CPUWeight=idle", "IOSchedulingClass=idle", "OOMScoreAdjust=900",
        ]  # fmt: skip
        argv = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit={UNIT}"]
        argv += [f"--property={stated}" for stated in properties]
        return [*argv, *(f"--setenv={name}={value}" for name, value in environment.items()), "--"]

    def _build(self, argv: list[str], report: Report) -> int:
        with self.connection.popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                report.line(line.decode(errors="replace").rstrip().removeprefix("== "))
        return process.returncode

    def _fetch(self, there: PurePosixPath, here: Path) -> None:
        """Whatever there is of the result: a build that failed has a log alone."""
        listed = self.connection.run(["ls", "--", str(there)]).stdout.decode().split()
        for name in {"log", "facts.json", "release.tar.zst"} & set(listed):
            self.connection.fetch_file(there / name, here / name)

    def _script(self, script: str, arguments: list[str]) -> bytes:
        return self.connection.run(["sh", "-c", script, UNIT, *arguments]).stdout
