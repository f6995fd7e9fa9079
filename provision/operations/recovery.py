"""At boot, before any pod's unit: which pods stay down, and which operations go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from provision.contract import STATE, PodPlaces
from provision.operations import facts_file, units
from provision.operations.operation import newest, not_safe, read_record, state_of
from provision.operations.starting import begin


def recover() -> Iterator[str]:
    """Sets or clears each pod's stay-down file, then lets unfinished operations go on."""
    waiting = []
    for pod in pods():
        places = PodPlaces(pod)
        yield _decide(places)
        facts_file.refresh(places)
        last = newest(pod)
        if last and state_of(last).verdict is None:
            waiting.append(places)
    for places in waiting:
        begin(places)
        yield f"pod {places.name}: its operation goes on"


def pods() -> list[str]:
    """Every pod that podfleet ever operated on here."""
    if not Path(STATE).is_dir():
        return []
    return sorted(path.parent.name for path in Path(STATE).glob("*/operations"))


def _decide(places: PodPlaces) -> str:
    """Down while there is no record (never launched to the end), while the pod is closed, while
    it is not safe; as its operation last put it while one is unfinished; else up."""
    record, last = read_record(places), newest(places.name)
    if last and state_of(last).verdict is None:
        return f"pod {places.name}: {'stays down' if _is_down(places) else 'may start'}, as it was"
    if record is None or record.get("is_closed") or not_safe(places.name):
        units.hold_down(places)
        return f"pod {places.name}: stays down"
    units.let_up(places)
    return f"pod {places.name}: may start"


def _is_down(places: PodPlaces) -> bool:
    return Path(places.stay_down).exists()
