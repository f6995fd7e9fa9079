"""A rollback before it touches anything: what it finds, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import rollback
from provision.operations.operation import Operation

OLD, NEW = "1.0.0.0-0123abcd", "1.1.0.0-0123abcd"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodPlaces:
    monkeypatch.setattr("provision.contract.STATE", tmp_path / "state")
    monkeypatch.setattr("provision.contract.PODS", tmp_path / "pods")
    monkeypatch.setattr(rollback, "platform_level", lambda: 1)
    places = PodPlaces("alpha")
    Path(places.operations).mkdir(parents=True)
    return places


def record(places: PodPlaces, **more: Any) -> None:
    """The pod runs NEW, on a database of its own, since it left OLD."""
    told = {
        "release_id": NEW, "database": "pod_alpha_2",
        "previous": {"release_id": OLD, "database": "pod_alpha_1"}, **more,
    }  # fmt: skip
    Path(places.record).write_text(json.dumps(told))


def preflight(places: PodPlaces) -> dict[str, Any]:
    operation = Operation(places.name, "one", {"operation": "rollback"})
    first = rollback.steps(operation)()[0]
    assert first.name == "preflight"
    return dict(first.do({}) or {})


def test_a_pod_that_was_closed_for_a_move_does_not_come_up_beside_its_successor(
    places: PodPlaces,
) -> None:
    record(places, is_closed=True)
    with pytest.raises(Refusal, match="its final export was taken") as refused:
        preflight(places)
    assert "configure --reopen" in str(refused.value)
