"""Processes that outlive whoever started them, each known by a record that cannot lie.

A record holds the pid and its start time: a pid that was given to another process is never ours.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from provision.errors import Refusal

# Arguments: pid file, log, the cgroups to enter, "--", argv. The values stay arguments.
_LAUNCH = """
pid=$1 log=$2; shift 2
cd /
exec >>"$log" 2>&1 </dev/null
while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 1; shift; done
shift
echo $$ >"$pid.new" && mv -- "$pid.new" "$pid"
exec "$@"
"""

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Record:
    """One process: its pid and the kernel's start time of it."""

    pid: int
    started: int

    def is_alive(self) -> bool:
        return _start_time(self.pid) == self.started

    def send(self, number: signal.Signals) -> None:
        """Sends a signal if the process is still the recorded one."""
        if self.is_alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass  # it ended by itself meanwhile: what the signal was for

    def wait_gone(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        deadline = time.monotonic() + seconds
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 5) -> None:
        """Asks it to end, and ends it after so many seconds."""
        self.send(number)
        if not self.wait_gone(seconds):
            self.send(signal.SIGKILL)
            self.wait_gone(5)


def read_record(path: Path) -> Record | None:
    """The recorded process, or None where it has ended or there never was one."""
    try:
        record = Record(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    return record if record.is_alive() else None


def start_detached(
    argv: Sequence[str],
    record: Path,
    log: Path,
    *,
    cgroups: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
) -> Record:
    """Starts argv in a session of its own, inside these cgroups, and writes its record."""
    announced = record.with_suffix(".pid")
    announced.unlink(missing_ok=True)
    launch = ["setsid", "--fork", "sh", "-c", _LAUNCH, "podfleet-lab", str(announced), str(log)]
    subprocess.run(
        [*launch, *map(str, cgroups), "--", *argv],
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
        check=True,
    )
    made = _announced(announced, argv[0], log)
    temporary = record.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(made)))
    temporary.rename(record)
    announced.unlink()
    return made


def _announced(path: Path, program: str, log: Path) -> Record:
    deadline = time.monotonic() + 5
    while not path.exists():
        if time.monotonic() > deadline:
            raise Refusal(program, "could not be started", f"Read {log}.")
        time.sleep(POLL_SECONDS)
    pid = int(path.read_text())
    started = _start_time(pid)
    if started is None:
        raise Refusal(program, "ended at once", f"Read {log}.")
    return Record(pid, started)


def _start_time(pid: int) -> int | None:
    """The kernel's start time of a process; None where there is none, or only its zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])
