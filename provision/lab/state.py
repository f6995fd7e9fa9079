"""What a lab remembers between two calls: its network, its guests' places, one lock.

Lies outside the tree, in a private directory keyed by the checkout and the fleet's name.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def lab_directory(state: Path, checkout: Path, fleet: str) -> Path:
    """Where one checkout keeps one fleet's lab."""
    key = hashlib.sha256(str(checkout.resolve()).encode()).hexdigest()[:8]
    return state / "labs" / f"{fleet}-{key}"


@dataclass(frozen=True)
class State:
    """A directory with `lab.json` in it."""

    directory: Path

    @property
    def file(self) -> Path:
        return self.directory / "lab.json"

    @property
    def lock(self) -> Path:
        return self.directory.with_name(f"{self.directory.name}.lock")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One call at a time changes a lab; the lock is beside it, for `purge` removes the lab."""
        with exclusive(self.lock):
            yield

    def exists(self) -> bool:
        return self.file.exists()

    def read(self) -> dict[str, Any]:
        """The lab's record; a fresh one, with a key of its own, where there is none yet."""
        if not self.exists():
            return {"format": 1, "key": secrets.token_hex(3), "hosts": {}}
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found

    def write(self, record: dict[str, Any]) -> None:
        """Replaces the record, atomically."""
        make_private(self.directory)
        temporary = self.file.with_suffix(".new")
        temporary.write_text(json.dumps(record, indent=1) + "\n")
        temporary.rename(self.file)


def make_private(directory: Path) -> Path:
    """A directory that only its owner can enter."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    return directory


@contextlib.contextmanager
def exclusive(lock: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds a lock file; the kernel lets go of it when the holder dies."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _lock(lock, on_wait)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(lock: Path, on_wait: Callable[[], None]) -> int:
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Whoever held it may have removed the file: then others already lock the next one.
        if _is_still(lock, os.fstat(descriptor).st_ino):
            return descriptor
        os.close(descriptor)


def _is_still(path: Path, inode: int) -> bool:
    try:
        return path.stat().st_ino == inode
    except FileNotFoundError:
        return False
