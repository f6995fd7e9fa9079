"""The units of a pod's release: opened, closed, and who is live by one rename."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import background
from provision.operations.commands import last_words, succeeds, systemctl
from provision.operations.release_tree import link
from provision.writing import sync_directory, write_atomically


def hold_down(places: PodPlaces) -> None:
    """From now on, and after any boot, no unit of the pod starts."""
    write_atomically(Path(places.stay_down), b"", mode=0o600)


def let_up(places: PodPlaces) -> None:
    Path(places.stay_down).unlink(missing_ok=True)
    sync_directory(Path(places.state))


def own_units(places: PodPlaces, release_id: str) -> list[str]:
    """What is enabled while the release is live, in the order in which it is started."""
    return [
        places.web_socket_unit(release_id),
        places.web_unit(release_id),
        places.sidekiq_unit(release_id),
        places.target,
    ]


def enable(places: PodPlaces, release_id: str) -> None:
    """It starts with the host; and what starts with the host takes jobs."""
    background.lift(places, release_id)
    systemctl("enable", "--quiet", *own_units(places, release_id))


def start(places: PodPlaces, release_id: str) -> None:
    """Starts them without waiting: a gate does that, while other work goes on."""
    systemctl("start", places.web_socket_unit(release_id))
    systemctl("start", "--no-block", *own_units(places, release_id))


def start_at_once(unit: str) -> None:
    """Enables a unit and waits until it runs; what it said itself, when it does not."""
    systemctl("enable", "--quiet", unit)
    if not succeeds(["systemctl", "start", unit]):
        raise Refusal(
            unit,
            f"does not start: {last_words(unit)}",
            f"See `journalctl -u {unit}` on the host, mend it, then run the command again.",
        )


def managed(places: PodPlaces, release_id: str) -> list[dict[str, Any]]:
    """The units as the record lists them."""
    units = [*own_units(places, release_id), places.redis_unit]
    return [{"unit": unit, "enabled": True, "active": True} for unit in units]


def switch(places: PodPlaces, release_id: str) -> None:
    """Requests go to this release: its socket by one rename, then the document root."""
    link(Path(places.live_socket), Path(places.web_socket(release_id)))
    link(Path(places.current), Path(places.release(release_id)))


def close(places: PodPlaces) -> None:
    """nginx answers with the maintenance page."""
    write_atomically(Path(places.maintenance_flag), b"", mode=0o644)


def open_up(places: PodPlaces) -> None:
    Path(places.maintenance_flag).unlink(missing_ok=True)
    if Path(places.home).is_dir():
        sync_directory(Path(places.home))
