"""What every operation looks at before it touches anything: the platform, and the room on disk."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from provision.contract import ARTIFACTS, PLATFORM_LEVEL, PLATFORM_RECORD, TRUSTED_SIGNERS
from provision.errors import Refusal
from provision.operations.commands import run
from provision.operations.operation import Operation
from provision.releases.manifest import Manifest
from provision.releases.verify import verify_artifact

# Where Debian's PostgreSQL keeps its databases.
POSTGRESQL = Path("/var/lib/postgresql")
# Left free beside what an operation itself needs: logs, PostgreSQL's own files, uploads.
SPARE_BYTES = 300 * 1024**2
# A PostgreSQL that cannot write its log stops for every pod of the host: what fills its disk ends
# before.
LEAST_FREE_BYTES = SPARE_BYTES // 3


def platform_level() -> int:
    """The level that the last role stamped; refuses a platform older than this runtime needs."""
    path = Path(PLATFORM_RECORD)
    if not path.exists():
        raise Refusal("host", "it has no platform yet", "Run `podfleet up`.")
    level = int(json.loads(path.read_bytes())["level"])
    if level < PLATFORM_LEVEL:
        raise Refusal(
            "host",
            f"its platform has level {level}, this operation needs {PLATFORM_LEVEL}",
            "Run `podfleet up`: it brings the platform up first.",
        )
    return level


def refuse_full_disks(needed: Mapping[Path, int]) -> None:
    """The same of several directories: what they need adds up where they share a disk."""
    disks: dict[int, tuple[Path, int]] = {}
    for directory, bytes_ in needed.items():
        there = _nearest(directory)
        first, sum_ = disks.get(there.stat().st_dev, (there, 0))
        disks[there.stat().st_dev] = first, sum_ + bytes_
    for directory, bytes_ in disks.values():
        refuse_full_disk(directory, bytes_)


def refuse_full_disk(directory: Path, needed_bytes: int) -> int:
    """The free bytes where `directory` is, or will be; refuses when that is not enough."""
    directory = _nearest(directory)
    free = free_bytes(directory)
    if free < needed_bytes + SPARE_BYTES:
        raise Refusal(
            str(directory),
            f"{free / 1e6:.0f} MB are free, {(needed_bytes + SPARE_BYTES) / 1e6:.0f} MB are needed",
            "Make room on the host (`podfleet status` lists releases and exports by size), "
            "then run the same command again.",
        )
    return free


def refuse_filling_disk(directory: Path, where: str, what: str) -> None:
    """Asked again and again by what goes on for long, where `what` has to end then."""
    free = free_bytes(directory)
    if free < LEAST_FREE_BYTES:
        raise Refusal(
            where,
            f"{what} was ended: only {free / 1e6:.0f} MB are left on the disk",
            "Make room on the host (`podfleet releases` lists what can go), then run the same "
            "command again.",
        )


def free_bytes(directory: Path) -> int:
    """What others than root may still write there."""
    seen = os.statvfs(directory)
    return seen.f_bavail * seen.f_frsize


def _nearest(directory: Path) -> Path:
    while not directory.exists():
        directory = directory.parent
    return directory


def artifact_for(operation: Operation) -> Manifest:
    """The manifest of the operation's release; refuses an artifact that was altered on its way, is
    not signed, or fits another Ruby, machine or platform."""
    abi = run(["ruby", "-rrbconfig", "-e", 'print RbConfig::CONFIG["ruby_version"]']).decode()
    return verify_artifact(
        Path(ARTIFACTS), operation.release_id, Path(TRUSTED_SIGNERS), abi,
        platform.machine(), platform_level(),
    )  # fmt: skip
