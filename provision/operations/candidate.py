"""A release's web before anybody reaches it: booted on its own socket, warmed, and looked at."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.operations import gates, units
from provision.operations.asking import ask
from provision.operations.commands import (
    is_active,
    last_words,
    succeeds,
    systemctl,
    unit_properties,
)
from provision.operations.gates import PAGE, GateIsRed

# What a visitor asks first; each loads code and fills caches that the next one finds warm.
WARMED = ("/.well-known/nodeinfo", "/nodeinfo/2.1", PAGE, "/users/sign_in")
# What a web that has nothing in flight gets to end by itself.
GRACE_SECONDS = 5.0
_ASSET = re.compile(rb'(?:href|src)="(/assets/[^"?]+)')


def boot(places: PodPlaces, release_id: str, *, seconds: float = gates.START_SECONDS) -> None:
    """Its socket and its web, ready; GateIsRed with its own words where it does not boot."""
    web, socket = places.web_unit(release_id), places.web_socket_unit(release_id)
    succeeds(["systemctl", "reset-failed", web, socket])
    systemctl("start", socket)
    systemctl("start", "--no-block", web)
    gates.await_unit(web, seconds=seconds)


def is_up(places: PodPlaces, release_id: str) -> bool:
    return is_active(places.web_unit(release_id))


def warm(places: PodPlaces, release_id: str, domain: str, threads: int) -> None:
    """Every thread answers once, so that no visitor waits for what is loaded late."""
    socket = places.web_socket(release_id)
    with ThreadPoolExecutor(max_workers=threads) as visitors:
        for target in WARMED:
            list(visitors.map(lambda _, at=target: ask(socket, domain, at), range(threads)))


def look_at(places: PodPlaces, release_id: str, domain: str) -> dict[str, Any]:
    """NodeInfo, a page that touches the database, and an asset of that page that nginx has."""
    gates.answers_on_socket(places, domain, release_id)
    status, body = ask(places.web_socket(release_id), domain, PAGE)
    if status != 200:
        raise _red(places, release_id, f"{PAGE} is answered with {status or 'nothing'}")
    found = _ASSET.search(body)
    if found and not _asset(places, found[1].decode()).is_file():
        raise _red(places, release_id, f"its page names {found[1].decode()}, which is not there")
    return {"nodeinfo": 200, "page": PAGE, "asset": found[1].decode() if found else None}


def _asset(places: PodPlaces, target: str) -> Path:
    return Path(places.assets) / target.removeprefix("/assets/")


def _red(places: PodPlaces, release_id: str, what: str) -> GateIsRed:
    unit = places.web_unit(release_id)
    return GateIsRed(
        f"release {release_id}",
        f"{what}: {last_words(unit)}",
        f"The old release serves on. See `journalctl -u {unit}` and {places.log} on the host.",
    )


def end(places: PodPlaces, release_id: str, *, grace_seconds: float = GRACE_SECONDS) -> None:
    """Stops a release's web that nobody is connected to, its socket too: nobody starts it again by
    asking. What has not ended within its grace is killed: puma now and then hangs where it has
    nothing left to do, and a web that is parked hears nothing else."""
    going = (places.web_socket_unit(release_id), places.web_unit(release_id))
    # The stop that is under way keeps systemd from starting it again once it is killed.
    succeeds(["systemctl", "stop", "--no-block", *going])
    if not _is_gone(going[1], grace_seconds):
        succeeds(["systemctl", "kill", "--signal=SIGKILL", going[1]])
        succeeds(["systemctl", "stop", *going])
    succeeds(["systemctl", "reset-failed", *going])


def _is_gone(unit: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while unit_properties(unit, "ActiveState")["ActiveState"] not in ("inactive", "failed"):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def take_the_place(places: PodPlaces, release_id: str, of: str) -> None:
    """From now on it is this release that starts with the host, and no longer that one."""
    # The target belongs to both.
    going = [unit for unit in units.own_units(places, of) if unit != places.target]
    systemctl("disable", "--quiet", "--no-reload", *going)
    systemctl("enable", "--quiet", "--no-reload", *units.own_units(places, release_id))
