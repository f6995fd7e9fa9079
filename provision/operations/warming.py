"""Keeps the way back warm: a timer of the host's ends the parked web of the release before.

The timer is transient: after a boot there is no parked web either, and nothing to end.
"""

from __future__ import annotations

from pathlib import Path

from provision.contract import RUNTIMES, PodPlaces
from provision.operations import candidate
from provision.operations.commands import run, succeeds
from provision.operations.locks import is_free, pod_lock
from provision.operations.operation import read_record, unfinished

# A pod that is busy is asked again after this long.
AGAIN_SECONDS = 300
ENTRY = RUNTIMES / "current" / "bin" / "podfleet-host"


def timer_unit(places: PodPlaces) -> str:
    """One a pod: only the release before the live one is ever kept."""
    return f"podfleet-cool-{places.name}.timer"


def schedule(places: PodPlaces, release_id: str, seconds: int) -> None:
    """The parked web of that release ends after so many seconds; what was scheduled before is
    forgotten."""
    cancel(places)
    unit = timer_unit(places).removesuffix(".timer")
    argv = ["systemd-run", "--quiet", "--collect", f"--unit={unit}"]
    argv += [f"--on-active={max(seconds, 1)}", f"--on-unit-inactive={AGAIN_SECONDS}"]
    argv += ["--timer-property=AccuracySec=1s"]
    run([*argv, "--", str(ENTRY), "cool", places.name, release_id])


def cancel(places: PodPlaces) -> None:
    """What is kept warm stays so until something else ends it."""
    timer = timer_unit(places)
    succeeds(["systemctl", "stop", timer])
    succeeds(["systemctl", "reset-failed", timer, f"{timer.removesuffix('.timer')}.service"])


def cool(pod: str, release_id: str) -> str:
    """Ends a parked web, and says what it did; never the live one, and not while the pod is busy:
    an operation may be about to need it."""
    places = PodPlaces(pod)
    if read_record(places) is None:
        # Retired meanwhile.
        cancel(places)
        return f"pod {pod} is not on this host"
    starting = Path(places.state) / "start.lock"
    if not is_free(starting):
        return _later(places, release_id)
    # No operation begins meanwhile; it takes a moment, for a parked web has nothing to finish.
    with pod_lock(starting):
        if unfinished(pod) is not None:
            return _later(places, release_id)
        return _end(places, release_id)


def _later(places: PodPlaces, release_id: str) -> str:
    return f"pod {places.name} is busy: {release_id} stays warm for another {AGAIN_SECONDS} s"


def _end(places: PodPlaces, release_id: str) -> str:
    said = f"pod {places.name}: {release_id} is live, and stays"
    if not _is_live(places, release_id):
        candidate.end(places, release_id, grace_seconds=0)
        said = f"pod {places.name}: {release_id} is kept warm no longer"
    cancel(places)
    return said


def _is_live(places: PodPlaces, release_id: str) -> bool:
    record, socket = read_record(places), Path(places.live_socket)
    is_linked = socket.is_symlink() and socket.readlink() == Path(places.web_socket(release_id))
    return is_linked or bool(record and record["release_id"] == release_id)
