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
from collections.abc import Iterator
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

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One call at a time changes a lab; the lock is beside it, for `purge` removes the lab."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        lock = self.directory.with_name(f"{self.directory.name}.lock")
        with exclusive(lock):
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
def exclusive(lock: Path) -> Iterator[None]:
    """Holds a lock file; the kernel lets go of it when the holder dies."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
