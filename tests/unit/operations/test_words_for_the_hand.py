"""What a person is told to type when a way back has failed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from provision.contract import PodPlaces
from provision.operations import rollback, upgrade
from provision.operations.operation import Operation
from provision.operations.paths import Way
from provision.operations.step import Step
from provision.operations.way_back import by_hand


def test_the_words_for_the_hand_open_the_database_and_start_what_failed_too_often() -> None:
    words = by_hand(PodPlaces("main"), OLD, "pod_main_1", instead_of=NEW)
    old, new = (
        f"pod-main-web@{one}.socket pod-main-web@{one}.service pod-main-sidekiq@{one}.service"
        for one in (OLD, NEW)
    )
    assert words.split("`")[7::2] == [
        "ln -sfn /srv/pods/main/releases/1.0.0.0-0a1b2c3d /srv/pods/main/current",
        f"systemctl disable --now {new}",
        "systemctl reset-failed 'pod-main-*@1.0.0.0-0a1b2c3d.*'",
        f"systemctl enable {old}",
        f"systemctl restart {old}",
        "podfleet up --deep --pod main",
    ]


OLD, NEW = "1.0.0.0-0a1b2c3d", "1.1.0.0-0a1b2c3d"
# Undoing what comes before leaves requests and jobs with the release that has them.
UNFELT = {"unpack", "rehearse", "files", "candidate"}


@pytest.fixture
def operation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operation:
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    operation = Operation("main", "one", {})
    (operation.directory / "stage").mkdir(parents=True)
    stage = {"format": 1, "pod": {"release_id": NEW, "domain": "pod.example.org"}}
    (operation.directory / "stage" / "stage.json").write_text(json.dumps(stage))
    return operation


def without_words(steps: Sequence[Step], words: str) -> set[str]:
    return {step.name for step in steps if step.undo and step.by_hand != words}


@pytest.mark.parametrize("order", ["ample", "small", "tiny"])
@pytest.mark.parametrize("path", ["plain", "expand", "breaking"])
def test_wherever_an_upgrades_way_back_fails_there_are_words(
    operation: Operation, path: str, order: str
) -> None:
    way = Way(path, order, ("1",), (), (), "pod_main_1", 9, 0.7, 300, 120, 110, 18)
    found = {"way": way.to_json(), "from": OLD, "database": "pod_main_2"}
    operation.journal.write("done", "preflight", evidence=found)
    words = by_hand(operation.places, OLD, "pod_main_1", instead_of=NEW)
    assert without_words(upgrade.steps(operation)(), words) <= UNFELT


def test_wherever_a_rollbacks_way_back_fails_there_are_words(operation: Operation) -> None:
    found = {"from": NEW, "from_database": "pod_main_2", "to": OLD, "to_database": "pod_main_1"}
    operation.journal.write("done", "preflight", evidence=found)
    words = by_hand(operation.places, NEW, "pod_main_2", instead_of=OLD)
    assert without_words(rollback.steps(operation)(), words) <= UNFELT
