"""What upgrades and rollbacks leave: refusals, a line in the ledger, what the processes said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provision.contract import PodPlaces
from provision.errors import Exit
from provision.operations import ledger, verdicts
from provision.operations.operation import Operation
from provision.operations.verbs import conclude

OLD, NEW = "1.0.0.0-0123abcd", "1.1.0.0-0123abcd"
WAY = {"path": "plain", "order": "ample", "predicted_seconds": 0.0, "database_bytes": 7}


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodPlaces:
    """A pod on which releases showed themselves broken before, NEW among them."""
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    places = PodPlaces("alpha")
    Path(places.operations).mkdir(parents=True)
    known = [{"release_id": "0.9.0.0-0123abcd", "at": "x", "why": "y"}]
    known.append({"release_id": NEW, "at": "x", "why": "an earlier try"})
    Path(places.refused).write_text(json.dumps(known))
    return places


def begun(places: PodPlaces, verb: str, **parameters: Any) -> Operation:
    """An operation between OLD and NEW that has begun, and found its way."""
    operation = Operation("alpha", f"one-{verb}", {"operation": verb, "parameters": parameters})
    (operation.directory / "stage").mkdir(parents=True)
    stage = {"format": 1, "pod": {"release_id": NEW}}
    (operation.directory / "stage" / "stage.json").write_text(json.dumps(stage))
    ends = {"from": OLD} if verb == "upgrade" else {"from": NEW, "to": OLD}
    operation.journal.write("begin")
    operation.journal.write("done", "preflight", evidence={**ends, "way": WAY})
    return operation


def refused(places: PodPlaces) -> dict[str, str]:
    return {one["release_id"]: one["why"] for one in json.loads(Path(places.refused).read_bytes())}


def evidence(operation: Operation) -> list[str]:
    return sorted(path.name for path in operation.directory.glob(f"{verdicts.EVIDENCE}/*"))


def test_a_release_that_runs_after_all_is_forgotten(places: PodPlaces) -> None:
    operation = begun(places, "upgrade")
    conclude(operation, Exit.DONE, "done")
    assert NEW not in refused(places)
    (line,) = ledger.read(places)
    assert (line["from"], line["to"], line["outcome"]) == (OLD, NEW, "done")
    assert evidence(operation) == []


def test_what_shows_that_the_release_is_broken_is_remembered(places: PodPlaces) -> None:
    operation = begun(places, "upgrade")
    operation.journal.write("start", "switch")
    operation.journal.write("failed", "gates", text="no page")
    conclude(operation, Exit.REFUSED, "no page")
    # A cut came between.
    conclude(operation, Exit.REFUSED, "no page")
    assert refused(places)[NEW] == "gates: no page"
    (line,) = ledger.read(places)
    assert (line["outcome"], line["gate"]) == ("rolled back", "gates: no page")
    assert f"pod-alpha-web@{NEW}.service.log" in evidence(operation)


@pytest.mark.parametrize(
    ("switched", "back", "told"),
    # A hold that passed its deadline never came to its switch; a red gate's way back came after.
    [(None, 20.4, 20.4), (0.8, 0.5, 0.8), (0.0, None, 0.0), (None, None, None)],
)
def test_what_a_way_back_cost_is_in_the_ledger(
    places: PodPlaces, switched: float | None, back: float | None, told: float | None
) -> None:
    operation = begun(places, "upgrade")
    if switched is not None:
        operation.journal.write("done", "switch", evidence={"closed_seconds": switched})
    if back is not None:
        operation.journal.write("note", text="until then", evidence={"closed_seconds": back})
    conclude(operation, Exit.REFUSED, "a request was not answered within 20 s")
    assert ledger.read(places)[0]["closed_seconds"] == told


def test_a_moment_that_did_not_fit_says_nothing_of_the_release(places: PodPlaces) -> None:
    operation = begun(places, "upgrade")
    operation.journal.write("failed", "quiet", text="its jobs were not done")
    conclude(operation, Exit.REFUSED, "its jobs were not done")
    assert refused(places)[NEW] == "an earlier try"
    assert ledger.read(places)[0]["outcome"] == "refused"


def test_a_rehearsal_leaves_nothing(places: PodPlaces) -> None:
    operation = begun(places, "upgrade", rehearse=True)
    operation.journal.write("failed", "rehearse", text="no such column")
    conclude(operation, Exit.REFUSED, "no such column")
    assert refused(places)[NEW] == "an earlier try"
    assert ledger.read(places) == []


def test_whoever_rolls_back_says_that_the_newer_release_is_no_good(places: PodPlaces) -> None:
    conclude(begun(places, "rollback"), Exit.DONE, "done")
    assert refused(places)[NEW] == "rolled back by hand"
    (line,) = ledger.read(places)
    assert (line["verb"], line["from"], line["to"]) == ("rollback", NEW, OLD)


def test_a_rollback_that_fails_refuses_no_release(places: PodPlaces) -> None:
    operation = begun(places, "rollback")
    operation.journal.write("failed", "candidate", text="it does not boot")
    conclude(operation, Exit.REFUSED, "it does not boot")
    assert refused(places)[NEW] == "an earlier try"
    assert f"pod-alpha-web@{OLD}.service.log" in evidence(operation)


def test_what_runs_again_after_a_rollback_is_refused_no_longer(places: PodPlaces) -> None:
    """It was tried as an upgrade before, at a moment that did not fit."""
    told = [{"release_id": OLD, "at": "x", "why": "gates: a post was lost"}]
    Path(places.refused).write_text(json.dumps(told))
    conclude(begun(places, "rollback"), Exit.DONE, "done")
    assert refused(places) == {NEW: "rolled back by hand"}
