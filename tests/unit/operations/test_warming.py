"""Ending what is kept warm: never the live web, and never while the pod is busy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.contract import PodPlaces
from provision.operations import candidate, warming
from provision.operations.locks import pod_lock

LIVE, BEFORE = "1.1.0.0-0123abcd", "1.0.0.0-0123abcd"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodPlaces:
    """A pod that runs LIVE."""
    monkeypatch.setattr("provision.contract.STATE", tmp_path / "state")
    monkeypatch.setattr("provision.contract.PODS", tmp_path / "pods")
    places = PodPlaces("alpha")
    Path(places.operations).mkdir(parents=True)
    Path(places.home).mkdir(parents=True)
    Path(places.record).write_text(json.dumps({"release_id": LIVE}))
    Path(places.live_socket).symlink_to(places.web_socket(LIVE))
    return places


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was killed, and which timer was stopped."""
    found: list[str] = []

    def succeeds(argv: list[str]) -> bool:
        found.extend(argv[-1:] if argv[1] == "kill" or argv[-1].endswith(".timer") else [])
        return True

    monkeypatch.setattr(warming, "succeeds", succeeds)
    monkeypatch.setattr(candidate, "succeeds", succeeds)
    hangs = {"ActiveState": "deactivating"}
    monkeypatch.setattr(candidate, "unit_properties", lambda *_: hangs)
    return found


TIMER = "podfleet-cool-alpha.timer"


def test_the_web_before_ends_and_so_does_its_timer(places: PodPlaces, ended: list[str]) -> None:
    assert "kept warm no longer" in warming.cool("alpha", BEFORE)
    assert ended == [places.web_unit(BEFORE), TIMER]


def by_record(places: PodPlaces) -> None:
    """Nothing is linked, but this is what runs after a boot."""
    Path(places.live_socket).unlink()


def by_socket(places: PodPlaces) -> None:
    """A way back that is not recorded yet."""
    Path(places.record).write_text(json.dumps({"release_id": BEFORE}))


@pytest.mark.parametrize("how", [by_record, by_socket])
def test_the_live_web_stays(
    places: PodPlaces, ended: list[str], how: Callable[[PodPlaces], None]
) -> None:
    how(places)
    assert "is live, and stays" in warming.cool("alpha", LIVE)
    assert ended == [TIMER]


def test_while_an_operation_begins_it_waits(places: PodPlaces, ended: list[str]) -> None:
    with pod_lock(Path(places.state) / "start.lock"):
        assert "is busy" in warming.cool("alpha", BEFORE)
    assert ended == []


def test_while_an_operation_is_unfinished_it_waits(places: PodPlaces, ended: list[str]) -> None:
    operation = Path(places.operations) / "20260101T000000000-rollback"
    operation.mkdir()
    (operation / "request.json").write_text(json.dumps({"operation": "rollback"}))
    assert "is busy" in warming.cool("alpha", BEFORE)
    assert ended == []


def test_of_a_pod_that_is_gone_nothing_is_made(places: PodPlaces, ended: list[str]) -> None:
    Path(places.record).unlink()
    assert "is not on this host" in warming.cool("alpha", BEFORE)
    assert ended == [TIMER]
    assert not (Path(places.state) / "start.lock").exists()
