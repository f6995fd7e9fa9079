"""The migrator: a release's Rails, booted beside the live pod, that migrates within a moment.

It runs as the pod in its sandbox, as a transient unit, at low priority until it hurries; the pod's
uploads are read-only to it, because a rehearsal on a copy must not touch what is live.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import database as databases
from provision.operations.commands import (
    last_words,
    pod_properties,
    run,
    succeeds,
    unit_properties,
    without_backtrace,
)
from provision.operations.preflight import POSTGRESQL, refuse_filling_disk
from provision.operations.priority import set_priority

SCRIPT = Path(__file__).with_name("migrator.rb")
RUBY = "/usr/bin/ruby"
BOOT_SECONDS = 120
NICE = 15
# How often a rehearsal's own sessions are looked for, to give way to the pod's.
LOOK_SECONDS = 2.0
# As Rails reads them: the file's number is the version, whatever leads it.
_MIGRATION = re.compile(r"0*(\d+)_[_a-z0-9]*\.?[_a-z0-9]*\.rb\Z")


class MigrationFailed(Refusal):
    """A migration failed; `ran` are those before it, which stay in that database."""

    def __init__(self, where: str, what: str, do: str, ran: list[dict[str, Any]]) -> None:
        super().__init__(where, what, do)
        self.ran = ran


class MigrationTooLong(MigrationFailed):
    """The migration was ended at its deadline."""


class LockTooLong(MigrationFailed):
    """A table that the migration wants was not free in time."""


class Migrator:
    """One release's migrator; of a pod there is one at a time."""

    def __init__(self, places: PodPlaces, release_id: str) -> None:
        self.places, self.release_id = places, release_id
        self.unit = places.migrator_unit
        self.socket = Path(places.release(release_id)) / "tmp" / "migrator.sock"
        # The name that its sessions have in PostgreSQL.
        self.application = f"podfleet-migrator-{places.name}"

    def start(self) -> None:
        """Returns once it answers; one of this release that was left by a crash is used again."""
        if self._is_ours():
            databases.end_sessions(self.application)
        else:
            self.stop()
            run(self._argv())
            self._await_answer()

    def pending(self, database: str) -> list[str]:
        """The versions of the release's migrations that this database lacks, oldest first."""
        done = {int(version) for version in databases.schema_versions(database)}
        return [version for version in migrations(self._release) if int(version) not in done]

    def migrate(
        self,
        database: str,
        *,
        timeout_seconds: float,
        lock_timeout_seconds: float | None = None,
        is_rehearsal: bool = False,
    ) -> list[dict[str, Any]]:
        """Runs what is pending; each migration's version, name and seconds.

        A rehearsal gives way to the pod, and the jobs that a migration enqueues are dropped: they
        would run on live rows. Any other migration hurries: it holds tables that requests want.
        """
        if not is_rehearsal:
            self.hurry()
        request = {
            "verb": "migrate",
            "database": database,
            "timeout_seconds": timeout_seconds,
            "application": self.application,
            "lock_timeout_ms": lock_timeout_seconds and round(lock_timeout_seconds * 1000),
            "is_rehearsal": is_rehearsal,
        }
        said = self._ask(request, timeout_seconds + 15, is_gentle=is_rehearsal)
        if said["end"] != "done":
            # Its statement may go on in PostgreSQL for a while after the fork is gone.
            databases.end_sessions(self.application)
            raise self._failure(database, said, timeout_seconds)
        ran: list[dict[str, Any]] = said["ran"]
        return ran

    def hurry(self) -> None:
        """Normal priority until it is stopped: somebody waits for it."""
        pid = int(unit_properties(self.unit, "MainPID")["MainPID"])
        with contextlib.suppress(ProcessLookupError):
            if pid and os.getpriority(os.PRIO_PROCESS, pid) > 0:
                set_priority(pid, 0, idle=False)

    def is_running(self) -> bool:
        return unit_properties(self.unit, "ActiveState")["ActiveState"] == "active"

    def peak_mb(self) -> float:
        """The most memory it had; 0 when it does not run."""
        if not self.is_running():
            return 0.0
        peak = unit_properties(self.unit, "MemoryPeak").get("MemoryPeak", "")
        if peak.isdigit():
            return round(int(peak) / 1e6, 1)
        # Where systemd does not count memory; a fork shares nearly all of it.
        return round(int(self._ask({"verb": "status"}, 15)["peak_kb"]) * 1024 / 1e6, 1)

    def stop(self) -> None:
        """Also what it had under way in PostgreSQL."""
        if unit_properties(self.unit, "LoadState")["LoadState"] == "loaded":
            succeeds(["systemctl", "stop", self.unit])
            succeeds(["systemctl", "reset-failed", self.unit])
        # Where PostgreSQL is down, nothing is under way in it either.
        with contextlib.suppress(subprocess.CalledProcessError):
            databases.end_sessions(self.application)
        self.socket.unlink(missing_ok=True)

    @property
    def _where(self) -> str:
        return f"pod {self.places.name}: migrator of {self.release_id}"

    @property
    def _release(self) -> Path:
        return Path(self.places.release(self.release_id))

    def _argv(self) -> list[str]:
        properties = {
            # A shutdown ends the operation first, so that a dead migrator is no failed step.
            "Before": self.places.operation_unit,
            "Nice": str(NICE),
            "IOSchedulingClass": "idle",
            # Where memory runs out it goes before anything that serves.
            "OOMScoreAdjust": "800",
            "MemoryAccounting": "yes",
            "TimeoutStopSec": "5",
            "ReadOnlyPaths": str(self.places.uploads),
        }
        argv = ["systemd-run", "--quiet", "--collect", f"--unit={self.unit}"]
        argv += [f"--property={name}={value}" for name, value in properties.items()]
        argv += pod_properties(self.places, self.release_id)
        return [*argv, "--", RUBY, str(SCRIPT), str(self.socket), self.release_id]

    def _is_ours(self) -> bool:
        """Whether it already serves this release, by this very script."""
        if not self.is_running():
            return False
        try:
            said = self._ask({"verb": "status"}, 15)
        except Refusal:
            return False
        return said.get("release") == self.release_id and said.get("script") == str(SCRIPT)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while not self._answers():
            state = unit_properties(self.unit, "ActiveState")["ActiveState"]
            if state not in ("active", "activating") or time.monotonic() > deadline:
                words = last_words(self.unit)
                self.stop()
                raise Refusal(
                    self._where,
                    f"the release's Rails does not boot: {words}",
                    f"See `journalctl -u {self.unit}` on the host; nothing was touched. Mend it, "
                    "or name another release.",
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return bool(self._ask({"verb": "status"}, 15))
        except Refusal:
            return False

    def _ask(
        self, request: dict[str, Any], seconds: float, *, is_gentle: bool = False
    ) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.connect(str(self.socket))
                line.sendall(json.dumps(request).encode() + b"\n")
                said = self._await_line(line, time.monotonic() + seconds, is_gentle)
            answer: dict[str, Any] = json.loads(said)
        except (OSError, ValueError) as error:
            raise Refusal(
                self._where,
                f"it ended, or does not answer ({error}): {last_words(self.unit)}",
                "Run the same command again; where memory ran out, give the host more first.",
            ) from error
        return answer

    def _await_line(self, line: socket.socket, deadline: float, is_gentle: bool) -> bytes:
        """One line; meanwhile a rehearsal's sessions are kept from taking the pod's time, and its
        copy from taking the room that the pod writes to."""
        said = b""
        while not said.endswith(b"\n"):
            line.settimeout(max(0.01, min(LOOK_SECONDS, deadline - time.monotonic())))
            try:
                if not (block := line.recv(65536)):
                    raise ConnectionError("it closed the connection")
                said += block
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise
                if is_gentle:
                    databases.slow_down(self.application)
                    refuse_filling_disk(POSTGRESQL, self._where, "the rehearsal")
        return said

    def _failure(
        self, database: str, said: dict[str, Any], timeout_seconds: float
    ) -> MigrationFailed:
        where = f"pod {self.places.name}: migrating {database} to {self.release_id}"
        ran: list[dict[str, Any]] = said["ran"]
        before = f" (after {', '.join(one['version'] for one in ran)})" if ran else ""
        do = f"See `journalctl -u {self.unit}` on the host for all that it said."
        if said["end"] == "too long":
            what = f"was not done within {timeout_seconds:.0f} s, and was ended{before}"
            return MigrationTooLong(where, what, do, ran)
        words = " | ".join(without_backtrace(said.get("words", "").encode()))
        kind = LockTooLong if "LockNotAvailable" in words else MigrationFailed
        return kind(where, f"failed{before}: {words[:2000]}", do, ran)


def migrations(release: Path) -> list[str]:
    """The versions of all of a release's migrations, oldest first."""
    names = (path.name for path in (release / "db" / "migrate").rglob("*.rb"))
    found = {match[1] for name in names if (match := _MIGRATION.match(name))}
    return sorted(found, key=int)
