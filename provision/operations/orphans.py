"""What a power cut leaves in PostgreSQL's directory: files of databases that never came to be.

A copy that is cut has no row in pg_database, but its directory in base/ stays for good.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from provision.errors import Refusal
from provision.operations.commands import psql

# Younger ones may be a copy that is being made; those from before the server's start are not.
YOUNG_SECONDS = 600.0
# Lower numbers are PostgreSQL's own databases.
FIRST_OID = 16384

_SERVER = """
SELECT current_setting('data_directory'), extract(epoch FROM pg_postmaster_start_time()),
       (SELECT count(*) FROM pg_stat_activity WHERE state = 'active'
        AND pid <> pg_backend_pid() AND query ~* 'create\\s+database')
"""


def orphaned_files() -> list[dict[str, Any]]:
    """Each with its path, bytes and time; none while any database is being made."""
    directory, started, making = psql(_SERVER).split("|")
    if int(making):
        return []
    # The directories first: a database that comes meanwhile has its row when it is looked for.
    there = _directories(Path(directory) / "base")
    known = set(psql("SELECT oid FROM pg_database").split())
    found = [path for path in there if path.name not in known]
    return [_described(path) for path in found if _is_left(path, float(started))]


def remove(path: Path) -> None:
    """Looks again: only what is still nobody's goes."""
    if str(path) not in {found["path"] for found in orphaned_files()}:
        raise Refusal(
            str(path), "is no orphan (any more)", "Run `podfleet releases` to see what there is."
        )
    shutil.rmtree(path)


def _directories(base: Path) -> list[Path]:
    numbered = (path for path in base.iterdir() if path.name.isdigit() and path.is_dir())
    return sorted(path for path in numbered if int(path.name) >= FIRST_OID)


def _is_left(path: Path, started: float) -> bool:
    changed = path.stat().st_mtime
    return changed < started or time.time() - changed > YOUNG_SECONDS


def _described(path: Path) -> dict[str, Any]:
    size = sum(one.stat().st_blocks * 512 for one in path.iterdir())
    return {"path": str(path), "bytes": size, "at": path.stat().st_mtime}
