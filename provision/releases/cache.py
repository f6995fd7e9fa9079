"""Files of the controller's cache: made once, by one process at a time, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from provision.errors import Refusal


@contextlib.contextmanager
def locked(name: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the lock file `name`: who comes second waits, and then finds the work done."""
    name.parent.mkdir(parents=True, exist_ok=True)
    with name.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def whole_file(target: Path, mode: int = 0o644) -> Iterator[Path]:
    """A path to write to; it becomes `target`, synced, when the block ends well."""
    with room_below(target.parent):
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(descriptor)
        partial = Path(name)
        try:
            yield partial
            partial.chmod(mode)
            _sync(partial)
            partial.rename(target)
            _sync(target.parent)
        finally:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_tree(target: Path) -> Iterator[Path]:
    """A directory to fill; it becomes `target` when the block ends well."""
    with room_below(target.parent):
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield partial
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def room_below(directory: Path) -> Iterator[None]:
    """Makes the directory; that a disk is full is said in words, not as a bug."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise no_room(directory) from error


def no_room(directory: Path) -> Refusal:
    """What a full disk says; nothing half written stays."""
    return Refusal(
        str(directory),
        "the disk is full; nothing was kept of what was being written",
        "Make room there, then run the command again.",
    )


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
