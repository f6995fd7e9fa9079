"""A pod's background jobs while a release changes: sidekiq waits, is quieted, takes over, ends.

sidekiq cannot be told to go on once it was quieted: an operation that turns back starts a fresh
one. Before its latch is lifted, a release's sidekiq has loaded Rails, and takes no job.
"""

from __future__ import annotations

import time
from pathlib import Path

from provision.contract import PodPlaces
from provision.operations import gates
from provision.operations.commands import last_words, run, succeeds, systemctl, unit_properties
from provision.operations.gates import GateIsRed
from provision.operations.jobs_aside import put_aside, take_back
from provision.operations.presence import unit_exists
from provision.writing import sync_directory, write_atomically

# What templates/pod/srv/sidekiq_latch.rb says of itself meanwhile.
WAITS = "waits at its latch"
# As long as its unit gives it.
BOOT_SECONDS = 180.0
_PAUSE_SECONDS = 0.1

__all__ = [
    "await_idle",
    "await_latch",
    "await_ready",
    "lift",
    "lower",
    "put_aside",
    "quiet",
    "start_again",
    "start_waiting",
    "stop",
    "take_back",
]


def lift(places: PodPlaces, release_id: str) -> None:
    """This release's sidekiq may take jobs, now and after any boot."""
    write_atomically(Path(places.latch(release_id)), b"", mode=0o644)


def lower(places: PodPlaces, release_id: str) -> None:
    """The next sidekiq of this release waits; one that runs is not touched."""
    latch = Path(places.latch(release_id))
    if latch.exists():
        latch.unlink()
        sync_directory(latch.parent)


def start_waiting(places: PodPlaces, release_id: str) -> None:
    """Starts it and does not wait for it; it stops at its latch unless that is lifted."""
    unit = places.sidekiq_unit(release_id)
    succeeds(["systemctl", "reset-failed", unit])
    systemctl("start", "--no-block", unit)


def start_again(places: PodPlaces, release_id: str) -> None:
    """A fresh one that takes jobs, in place of one that was quieted or has ended."""
    unit = places.sidekiq_unit(release_id)
    lift(places, release_id)
    succeeds(["systemctl", "reset-failed", unit])
    # Waiting for it: until its stop begins, the one before would be taken for a fresh one.
    succeeds(["systemctl", "restart", unit])
    await_ready(places, release_id)


def await_latch(places: PodPlaces, release_id: str) -> None:
    """Returns when it has loaded all of itself and waits; GateIsRed in its own words."""
    unit = places.sidekiq_unit(release_id)
    deadline, first = time.monotonic() + BOOT_SECONDS, None
    while True:
        seen = unit_properties(unit, "ActiveState", "StatusText", "NRestarts", "Result", "Job")
        if seen["ActiveState"] == "active" or seen.get("StatusText") == WAITS:
            return
        restarts = int(seen.get("NRestarts") or 0)
        first = restarts if first is None else first
        is_down = seen["ActiveState"] in ("failed", "inactive") and not seen.get("Job")
        if is_down or restarts > first + 1 or time.monotonic() > deadline:
            raise _does_not_load(unit, seen)
        time.sleep(_PAUSE_SECONDS)


def _does_not_load(unit: str, seen: dict[str, str]) -> GateIsRed:
    return GateIsRed(
        unit,
        f"does not come as far as its latch ({seen['ActiveState']}, {seen['Result']}): "
        f"{last_words(unit)}",
        f"See `journalctl -u {unit}` on the host, mend it, then run the command again.",
    )


def await_ready(places: PodPlaces, release_id: str) -> None:
    """Returns when it takes jobs; GateIsRed in its own words where it does not start."""
    gates.await_unit(places.sidekiq_unit(release_id))


def quiet(places: PodPlaces, release_id: str) -> None:
    """It takes no new jobs, and cannot be told otherwise; one that does not run is quiet."""
    unit = places.sidekiq_unit(release_id)
    if not _takes_jobs(unit):
        return
    # The signal would stop one that is still booting as a shell's ^Z does.
    gates.await_unit(unit)
    systemctl("kill", "--kill-whom=main", "--signal=SIGTSTP", unit)


def _takes_jobs(unit: str) -> bool:
    """Or will do so as soon as it has booted: it is not stopped, and not at its latch."""
    seen = unit_properties(unit, "ActiveState", "StatusText")
    if seen["ActiveState"] == "activating":
        return seen.get("StatusText") != WAITS
    return seen["ActiveState"] in ("active", "reloading")


def await_idle(places: PodPlaces, release_id: str, deadline: float) -> bool:
    """Whether a quieted sidekiq has done its last job by then (deadline: time.monotonic()).

    It says so in Redis, with its next heartbeat: after 10 s at the latest."""
    unit = places.sidekiq_unit(release_id)
    while _takes_jobs(unit):
        pid = int(unit_properties(unit, "MainPID").get("MainPID") or 0)
        if is_idle(_heartbeats(places, pid)):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def is_idle(beats: list[tuple[float, str, str]]) -> bool:
    """From (beat, quiet, busy) of each process known under that id: one that has crashed is
    remembered for a minute, so that the newest counts."""
    if not beats:
        return False
    _, is_quiet, busy = max(beats)
    return (is_quiet, busy) == ("true", "0")


def _heartbeats(places: PodPlaces, pid: int) -> list[tuple[float, str, str]]:
    found = []
    for identity in _redis(places, "SMEMBERS", "processes").splitlines():
        # host:pid:nonce
        if identity.split(":")[-2:-1] != [str(pid)]:
            continue
        beat, is_quiet, busy = _redis(places, "HMGET", identity, "beat", "quiet", "busy").split(
            "\n"
        )
        if beat:
            found.append((float(beat), is_quiet, busy))
    return found


def _redis(places: PodPlaces, *words: str) -> str:
    said = run(["redis-cli", "-e", "-s", str(places.redis_socket), *words]).decode()
    return said.removesuffix("\n")


def stop(places: PodPlaces, release_id: str) -> None:
    """It ends; jobs that it could not finish go back into their queues."""
    unit = places.sidekiq_unit(release_id)
    if unit_exists(unit):
        systemctl("stop", unit)
    succeeds(["systemctl", "reset-failed", unit])
