"""A rollback before it touches anything: what it finds, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import (
    database,
    federating,
    recording,
    rollback,
    upgrade,
    warming,
    way_back,
)
from provision.operations.operation import Operation
from provision.operations.upgrade import _Upgrade

OLD, NEW = "1.0.0.0-0123abcd", "1.1.0.0-0123abcd"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodPlaces:
    monkeypatch.setattr("provision.contract.STATE", tmp_path / "state")
    monkeypatch.setattr("provision.contract.PODS", tmp_path / "pods")
    monkeypatch.setattr(rollback, "platform_level", lambda: 1)
    monkeypatch.setattr(database, "exists", lambda _: True)
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


def kept(places: PodPlaces, release_id: str, **more: Any) -> None:
    """The record of a release that ran here, as its way back has it."""
    told = {"release_id": release_id, "database": "pod_alpha_1", "digest": release_id, **more}
    Path(places.way_back(release_id)).mkdir(parents=True)
    (Path(places.way_back(release_id)) / way_back.RECORD).write_text(json.dumps(told))
    Path(places.release(release_id)).mkdir(parents=True)


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
    assert "configure --reopen --pod alpha`" in str(refused.value)


def test_the_first_release_names_the_upgrade_of_this_pod_alone(places: PodPlaces) -> None:
    record(places, previous=None)
    with pytest.raises(Refusal, match=r"`podfleet upgrade --to VERSION --pod alpha`"):
        preflight(places)


def test_once_the_safety_copy_was_pruned_that_is_what_is_said(
    places: PodPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`upgrade` to the older release sends its user here: to send them there again is no help."""
    monkeypatch.setattr(database, "exists", lambda name: name != "pod_alpha_1")
    record(places)
    with pytest.raises(Refusal, match=r"pod_alpha_1, which .* acknowledged and pruned") as refused:
        preflight(places)
    assert "launch --from" in str(refused.value)


WAY = {
    "path": "plain", "order": "ample", "pending": [], "unknown": [], "irreversible": [],
    "live_database": "pod_alpha_1", "database_bytes": 7, "predicted_seconds": 0.0,
    "resident_mb": 1, "web_mb": 1, "sidekiq_mb": 1, "needs_bytes": 0,
}  # fmt: skip

# What a rollback's own preflight saw.
FOUND = {"from": NEW, "from_database": "pod_alpha_1", "to": OLD, "to_database": "pod_alpha_1"}


def an_upgrade(places: PodPlaces, name: str) -> Operation:
    """From OLD to NEW, its preflight done."""
    operation = Operation(places.name, name, {"operation": "upgrade"})
    (operation.directory / "stage").mkdir(parents=True)
    stage = {"format": 1, "pod": {"release_id": NEW, "domain": "alpha.example.org"}}
    (operation.directory / "stage" / "stage.json").write_text(json.dumps(stage))
    found = {"way": WAY, "from": OLD, "database": "pod_alpha_1"}
    operation.journal.write("done", "preflight", evidence=found)
    return operation


def upgraded(places: PodPlaces, saw: dict[str, Any]) -> None:
    """From OLD to NEW, which had this to say of how the pod federated before."""
    operation = an_upgrade(places, "first")
    operation.journal.write("done", "keep", evidence={federating.BEFORE: saw})
    operation.journal.write("done", "switch", evidence={"at": 1.0})
    _Upgrade(operation).record({})


def test_what_did_not_federate_before_the_upgrade_is_no_fault_of_the_way_back(
    places: PodPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a pod could be upgraded that could not be taken back."""
    monkeypatch.setattr(recording, "record", lambda *_: {})
    monkeypatch.setattr(warming, "cancel", lambda _: None)
    manifest: dict[str, Any] = {"files": []}
    kept(places, OLD, manifest=manifest)
    saw = {"failing": ["beta -> alpha"], "public_name": "client_error"}
    upgraded(places, {**saw, "deliveries": {"at": 1.0, "counts": {}}})
    record(places, manifest=manifest)

    operation = Operation(places.name, "second", {"operation": "rollback"})
    operation.journal.path.parent.mkdir(parents=True)
    operation.journal.write("done", "preflight", evidence=FOUND)
    keep = next(step for step in rollback.steps(operation)() if step.name == "keep")
    operation.journal.write("done", "keep", evidence=dict(keep.do({}) or {}))
    assert federating._seen_before(operation) == saw


def recorded(places: PodPlaces) -> str:
    return str(json.loads(Path(places.record).read_bytes())["release_id"])


def test_a_rollback_that_fails_at_its_very_end_takes_its_record_back(
    places: PodPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer release is live again: a record of the older one would be wrong of everything."""
    monkeypatch.setattr(recording, "_let_monitor_read", lambda *_: None)
    record(places)
    kept(places, OLD)
    kept(places, NEW)
    operation = Operation(places.name, "one", {"operation": "rollback"})
    operation.directory.mkdir()
    operation.journal.write("done", "preflight", evidence=FOUND)
    step = next(step for step in rollback.steps(operation)() if step.name == "record")
    step.do({})
    assert recorded(places) == OLD
    assert step.undo is not None
    step.undo({})
    assert recorded(places) == NEW


def test_an_upgrade_that_fails_at_its_very_end_takes_its_record_back(places: PodPlaces) -> None:
    operation = an_upgrade(places, "one")
    kept(places, OLD)
    record(places)
    step = next(step for step in upgrade.steps(operation)() if step.name == "record")
    assert step.undo is not None
    step.undo({})
    assert recorded(places) == OLD
