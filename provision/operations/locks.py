"""Locks on the pod host. All are flocks: the kernel lets go of them when their holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from provision.contract import HOST_LOCK, RELOAD_LOCK
from provision.errors import Refusal


@contextlib.contextmanager
def pod_lock(path: Path) -> Iterator[None]:
    """One operation a pod: whoever comes second is refused."""
    with _opened(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refusal(
                str(path), f"held by {holder(path)}", "Wait until that operation ends."
            ) from error
        yield


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock at this moment."""
    with _opened(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextlib.contextmanager
def host_lock(on_wait: Callable[[str], object], path: Path = Path(HOST_LOCK)) -> Iterator[None]:
    """Shared among operations; the platform run and apt's timers hold it alone."""
    with _opened(path) as lock:
        _acquire(lock, fcntl.LOCK_SH, path, on_wait)
        yield


@contextlib.contextmanager
def reload_lock(
    on_wait: Callable[[str], object] = lambda text: None, path: Path = Path(RELOAD_LOCK)
) -> Iterator[None]:
    """Short and exclusive: reloading nginx or systemd, calling certbot."""
    with _opened(path) as lock:
        _acquire(lock, fcntl.LOCK_EX, path, on_wait)
        yield


def _acquire(lock: int, mode: int, path: Path, on_wait: Callable[[str], object]) -> None:
    try:
        fcntl.flock(lock, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        on_wait(f"waits for {path}, held by {holder(path)}")
        fcntl.flock(lock, mode)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Python's descriptors are not inherited: no child keeps the lock after its parent died.
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


def holder(path: Path) -> str:
    """Who holds the lock: commands and process ids, from the kernel's own table."""
    inode = path.stat().st_ino
    # 1: FLOCK  ADVISORY  WRITE 4711 fd:00:1234 0 EOF
    fields = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    pids = {f[4] for f in fields if f[1] == "FLOCK" and f[5].endswith(f":{inode}")}
    return ", ".join(_command(pid) for pid in sorted(pids)) or "a process that cannot be seen"


def _command(pid: str) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except FileNotFoundError:
        return f"process {pid}"
    return f"`{words[:120]}` (process {pid})"
