"""Where the sockets of shared SSH connections lie: private, and short enough for the kernel."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from provision.errors import Refusal

# sun_path holds 108 bytes with its NUL; ssh binds a name 17 characters longer first.
LONGEST_PATH_BYTES = 104 - 17


def control_path(*identity: str) -> str:
    """The socket for one destination; the same for every process of this user."""
    digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()[:16]
    path = str(_directory() / digest)
    if len(path.encode()) > LONGEST_PATH_BYTES:
        raise Refusal(
            str(path), "is too long for a socket", "Set XDG_RUNTIME_DIR to a shorter directory."
        )
    return path


@contextlib.contextmanager
def one_at_a_time(path: str) -> Iterator[None]:
    """Among all processes, one at a time opens a socket."""
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _directory() -> Path:
    """A directory that only this user can enter; made where missing, refused where not ours."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    parent = Path(runtime) if runtime and Path(runtime).is_dir() else Path("/tmp")
    path = parent / f"podfleet-ssh-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Refusal(
            str(path), "is not a private directory of yours", "Remove it, then run this again."
        )
    return path
