"""releases: what a pod keeps on its host is listed, and pruned by the rules of the inventory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import facts_file
from provision.operations.inventory import Keeping
from provision.operations.locks import host_lock, pod_lock
from provision.operations.operation import describe, unfinished


def listed(pod: str) -> list[dict[str, Any]]:
    """All that the pod keeps, and what nobody keeps."""
    return [item.to_json() for item in Keeping(PodPlaces(pod)).items()]


def prune(pod: str, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Removes what no rule keeps, and what was accepted by its id; what went."""
    places = PodPlaces(pod)
    Path(places.state).mkdir(mode=0o700, parents=True, exist_ok=True)
    with pod_lock(Path(places.state) / "start.lock"), host_lock(lambda text: None):
        if found := unfinished(pod):
            raise Refusal(f"pod {pod}", f"is busy: {describe(found)}", "Prune when it is done.")
        keeping = Keeping(places, frozenset(request.get("accept") or ()))
        keeping.refuse_live()
        going = [item for item in keeping.items() if item.why is None]
        for item in going:
            item.remove()
        keeping.tidy_assets()
        facts_file.refresh(places)
    return [item.to_json() for item in going]
