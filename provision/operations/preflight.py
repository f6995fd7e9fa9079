"""What every operation looks at before it touches anything: the platform, and the room on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

from provision.contract import PLATFORM_LEVEL, PLATFORM_RECORD
from provision.errors import Refusal

# Left free beside what an operation itself needs: logs, PostgreSQL's own files, uploads.
SPARE_BYTES = 300 * 1024**2


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


def refuse_full_disk(directory: Path, needed_bytes: int) -> int:
    """The free bytes where `directory` is, or will be; refuses when that is not enough."""
    while not directory.exists():
        directory = directory.parent
    seen = os.statvfs(directory)
    free = seen.f_bavail * seen.f_frsize
    if free < needed_bytes + SPARE_BYTES:
        raise Refusal(
            str(directory),
            f"{free / 1e6:.0f} MB are free, {(needed_bytes + SPARE_BYTES) / 1e6:.0f} MB are needed",
            "Make room on the host (`podfleet status` lists releases and exports by size), "
            "then run the same command again.",
        )
    return free
