"""A pod whose operation could go neither forward nor back: what is refused, and until when."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import candidate, facts_file, recovery, upgrade, warming
from provision.operations.configure import refuse_not_safe
from provision.operations.operation import Operation, not_safe, read_record

Ended = Callable[..., Operation]


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ended:
    """`ended(3, 4)`: operation number 3 has the verdict 4; None: none yet."""
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    monkeypatch.setattr(recovery, "STATE", tmp_path)

    def make(number: int, verdict: int | None) -> Operation:
        operation = Operation("main", f"2026010{number}T120000000-upgrade", {})
        operation.directory.mkdir(parents=True)
        (operation.directory / "request.json").write_text(json.dumps({"operation": "upgrade"}))
        if verdict is not None:
            operation.journal.write("verdict", exit=verdict, text="so it ended")
        return operation

    return make


def test_what_is_under_way_is_not_asked(ended: Ended) -> None:
    assert not_safe("main") is None
    refuse_not_safe(ended(1, None))


def test_it_is_refused_again_and_again_until_an_operation_does_well(ended: Ended) -> None:
    stuck = ended(1, 4)
    ended(2, 1)
    with pytest.raises(Refusal) as refused:
        refuse_not_safe(ended(3, None))
    assert stuck.id in str(refused.value)
    assert str(stuck.journal.path) in str(refused.value)
    assert "`podfleet up --deep --pod main`" in str(refused.value)
    ended(4, 0)
    refuse_not_safe(ended(5, None))


@pytest.mark.parametrize(("verdicts", "stays"), [((4,), True), ((4, 1), True), ((4, 0), False)])
def test_until_then_it_stays_down_after_a_boot(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, verdicts: tuple[int, ...], stays: bool
) -> None:
    for number, verdict in enumerate(verdicts):
        ended(number, verdict)
    places = PodPlaces("main")
    Path(places.record).write_text(json.dumps({"domain": "pod.example.org"}))
    monkeypatch.setattr(facts_file, "refresh", lambda _: None)
    assert read_record(places) is not None
    (said,) = recovery.recover()
    assert said == f"pod main: {'stays down' if stays else 'may start'}"
    assert Path(places.stay_down).exists() is stays


def test_a_timer_that_cannot_be_set_takes_no_upgrade_back(
    ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old web ends at once instead of being kept for ever; a rollback boots it."""
    operation, gone = ended(1, None), []

    def fails(*_: object) -> None:
        raise subprocess.CalledProcessError(1, ["systemd-run"], stderr=b"no such bus")

    monkeypatch.setattr(warming, "schedule", fails)
    monkeypatch.setattr(candidate, "end", lambda _, old, **__: gone.append(old))
    walk = upgrade._Upgrade.__new__(upgrade._Upgrade)
    walk.operation, walk.places = operation, operation.places
    operation.journal.write("done", "preflight", evidence={"from": "1.0.0.0-0a1b2c3d"})
    walk.keep_warm({})
    assert gone == ["1.0.0.0-0a1b2c3d"]
    (note,) = [line["text"] for line in operation.journal.lines() if line["event"] == "note"]
    assert "is not kept warm" in note and "no such bus" in note
