"""The hold: requests wait on a socket while no release may answer, and a web is stopped in place.

Nobody is refused meanwhile: nginx's upstream is a symlink, and it leads to the hold socket; what
waits in that socket's queue is handed to whichever release is live when the hold is released.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path, PurePosixPath

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations.cgroups import processes
from provision.operations.commands import is_active, run, succeeds, systemctl, unit_properties
from provision.operations.release_tree import link
from provision.writing import sync_directory, write_atomically

# Longer than nginx waits for an answer: whoever is still there then has been given up.
FINISH_SECONDS = 75.0
PARK_SECONDS = 10.0
_PAUSE_SECONDS = 0.01


class HoldTooLong(Refusal):
    """Requests would wait for longer than clients do."""


def prepare(places: PodPlaces) -> None:
    """The hold socket takes requests, and lets none of them go."""
    if Path(places.hold_released).exists():
        # An earlier hold: what it handed on ends first, for this one must not let go at once.
        _await_nobody(places)
        systemctl("stop", places.hold_unit)
        Path(places.hold_released).unlink(missing_ok=True)
        sync_directory(Path(places.home))
    systemctl("start", places.hold_socket_unit)


def hold(places: PodPlaces) -> None:
    """From now on requests wait; those that a release has taken go on there."""
    link(Path(places.live_socket), Path(places.hold_socket))


def is_held(places: PodPlaces) -> bool:
    """Whether requests wait at the hold socket: after a boot there is none, wherever they lead."""
    live = Path(places.live_socket)
    leads_there = live.is_symlink() and live.readlink() == Path(places.hold_socket)
    return leads_there and is_active(places.hold_socket_unit)


def release(places: PodPlaces) -> None:
    """Whoever waited goes on to the live socket, which must lead to a release again."""
    write_atomically(Path(places.hold_released), b"", mode=0o644)


def finish(places: PodPlaces) -> None:
    """Ends the hold once all that waited were answered; the next one begins anew."""
    if is_active(places.hold_socket_unit):
        _await_nobody(places)
    for unit in (places.hold_socket_unit, places.hold_unit):
        succeeds(["systemctl", "stop", unit])
        succeeds(["systemctl", "reset-failed", unit])
    Path(places.hold_released).unlink(missing_ok=True)


def _await_nobody(places: PodPlaces) -> None:
    deadline = time.monotonic() + FINISH_SECONDS
    while connections(places.hold_socket) and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)


def in_flight(places: PodPlaces, release_id: str) -> int:
    """Requests that the release has taken, or that wait for it, and were not answered yet."""
    return connections(places.web_socket(release_id))


def connections(path: PurePosixPath) -> int:
    """Of a listening unix socket: those that were accepted, and those that are still queued."""
    return count_connections(run(["ss", "-xanH"]).decode(), str(path))


def count_connections(listing: str, path: str) -> int:
    """The same from what `ss -xanH` printed: type, state, queues, path, inode, peer's."""
    count = 0
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) < 5 or fields[4] != path:
            continue
        # Not yet accepted ones show in the queue of the listening line, and nowhere else.
        count += int(fields[2]) if fields[1] == "LISTEN" else int(fields[1] == "ESTAB")
    return count


def drain(places: PodPlaces, release_id: str, deadline: float) -> float:
    """Waits until nothing is in flight (deadline: time.monotonic()); how long that took."""
    began, quiet = time.monotonic(), 0
    while True:
        quiet = 0 if in_flight(places, release_id) else quiet + 1
        now = time.monotonic()
        # Twice: a client may have looked the symlink up just before it was renamed.
        if quiet == 2:
            return now - began
        if now > deadline:
            raise _too_long(places, now - began)
        time.sleep(_PAUSE_SECONDS)


def _too_long(places: PodPlaces, seconds: float) -> HoldTooLong:
    return HoldTooLong(
        f"pod {places.name}",
        f"a request was not answered within {seconds:.0f} s, and others waited for it",
        "The old release serves on. Run the same command again, or with --maintenance: it shows "
        "the maintenance page instead of letting requests wait.",
    )


def park(unit: str) -> None:
    """Stops every process of the unit where it stands; it keeps its memory and its socket."""
    _signal_until(unit, signal.SIGSTOP, stopped=True)


def unpark(unit: str) -> None:
    """Lets them go on."""
    _signal_until(unit, signal.SIGCONT, stopped=False)


def is_parked(unit: str) -> bool:
    states = [_is_stopped(pid) for pid in processes(unit)]
    return bool(states) and all(states)


def _signal_until(unit: str, number: signal.Signals, *, stopped: bool) -> None:
    deadline = time.monotonic() + PARK_SECONDS
    while others := [pid for pid in processes(unit) if _is_stopped(pid) is not stopped]:
        if time.monotonic() > deadline:
            raise _not_parked(unit, others)
        for pid in others:
            _signal(pid, number)
        time.sleep(_PAUSE_SECONDS)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _is_stopped(pid: int) -> bool | None:
    """None of a process that has ended, whether or not somebody asked how."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # pid (name) state: the name may hold anything.
    return status.rpartition(") ")[2].startswith(("T", "t"))


def _not_parked(unit: str, pids: list[int]) -> Refusal:
    state = unit_properties(unit, "ActiveState")["ActiveState"]
    return Refusal(
        unit,
        f"its processes {pids} do not stop, or do not go on (it is {state})",
        f"Look at `systemctl status {unit}` on the host, then run the same command again.",
    )
