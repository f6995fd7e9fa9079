"""Files put aside before they are changed, with their owners and modes, to go back to."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from provision.writing import write_atomically

_INDEX = "index.json"


def keep(paths: Iterable[Path], directory: Path) -> None:
    """Copies of these files as they are; that one is not there is kept, too."""
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(mode=0o700)
    index = []
    for number, path in enumerate(sorted(set(paths))):
        entry: dict[str, object] = {"path": str(path), "copy": None}
        if path.exists():
            seen = path.stat()
            entry |= {"copy": f"{number}", "mode": stat.S_IMODE(seen.st_mode)}
            entry |= {"uid": seen.st_uid, "gid": seen.st_gid}
            write_atomically(directory / f"{number}", path.read_bytes(), mode=0o600)
        index.append(entry)
    write_atomically(directory / _INDEX, json.dumps(index).encode(), mode=0o600)


def put_back(directory: Path) -> None:
    """Every kept file as it was; those that were not there go."""
    for entry in json.loads((directory / _INDEX).read_bytes()):
        path = Path(entry["path"])
        if entry["copy"] is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, (directory / entry["copy"]).read_bytes(), mode=entry["mode"])
        os.chown(path, entry["uid"], entry["gid"])
        path.chmod(entry["mode"])
