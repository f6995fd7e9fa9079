"""Runs on the host (standard library alone): takes the host's lock and holds it until stdin ends.

Prints `held`, or `held again` where the last holder was not told `done`; else one line that says
who is in the way since when, and ends. Arguments: the lock, the directory of podfleet's state,
who asks for it; others read that from the arguments of this process.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

# How the units begin that this script runs in.
RUN = "podfleet-platform-"
# In podfleet's state while a run is not done; as old as the first run that was not.
UNFINISHED = "platform.unfinished"


def main(lock_path: str, state: str, operator: str) -> int:
    """0 after holding the lock, 1 where somebody else is at work."""
    Path(lock_path).parent.mkdir(mode=0o755, exist_ok=True)
    lock = os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"the host is busy: {'; '.join(holders(lock)) or 'its lock is held'}", flush=True)
        return 1
    unfinished = list(unfinished_operations(Path(state)))
    if unfinished:
        print(f"an operation is not finished: {'; '.join(unfinished)}", flush=True)
        return 1
    hold(Path(state) / UNFINISHED)
    return 0


def hold(mark: Path) -> None:
    """Until stdin ends; the mark stays unless the controller says that all is done."""
    mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_resumed = mark.exists()
    if not is_resumed:
        mark.touch()
        # A power cut must not take the mark along with what it is to tell of.
        os.sync()
    print("held again" if is_resumed else "held", flush=True)
    if sys.stdin.read() == "done":
        mark.unlink()


def holders(lock: int) -> Iterator[str]:
    """Who holds a lock on this file, from the kernel's own table."""
    inode = os.fstat(lock).st_ino
    # 1: FLOCK  ADVISORY  WRITE 4711 fd:00:1234 0 EOF
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"):
            yield _described(fields[4])


def _described(pid: str) -> str:
    """The unit that a process belongs to, and since when it runs."""
    try:
        group = Path(f"/proc/{pid}/cgroup").read_text().strip().splitlines()[-1]
        since = time.strftime("%H:%M:%S UTC", time.gmtime(Path(f"/proc/{pid}").stat().st_ctime))
    except OSError:
        return f"process {pid} holds its lock"
    unit = group.rpartition("/")[2] or "a process"
    if unit.startswith(RUN):
        return f"platform run by {_last_argument(pid)} (process {pid}) holds its lock since {since}"
    return f"{unit} (process {pid}) holds its lock since {since}"


def _last_argument(pid: str) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    return words[-1].decode(errors="replace")


def unfinished_operations(state: Path) -> Iterator[str]:
    """Operations that began and have no verdict yet, whoever will go on with them."""
    for request in sorted(state.glob("*/operations/*/request.json")):
        if not _has_verdict(request.with_name("journal.jsonl")):
            pod = request.parent.parent.parent.name
            asked = json.loads(request.read_text())
            since = time.strftime("%H:%M:%S UTC", time.gmtime(request.stat().st_mtime))
            who = asked.get("operator", "somebody")
            yield f"{asked.get('operation', 'an operation')} of {pod} by {who} since {since}"


def _has_verdict(journal: Path) -> bool:
    try:
        lines = journal.read_text().splitlines()
    except FileNotFoundError:
        return False
    return any('"verdict"' in line and '"exit"' in line for line in lines)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
