"""Who answers after a way back, whatever the release that was left said of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.contract import PodPlaces
from provision.operations import candidate, holding
from provision.operations.layout import PodLayout
from provision.operations.operation import Operation
from provision.operations.switching import Switch

OLD, NEW = "1.0.0.0-0123abcd", "1.1.0.0-0123abcd"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodPlaces:
    """A pod on which NEW is live; the web of OLD is up, and needs no start."""
    monkeypatch.setattr("provision.contract.STATE", tmp_path / "state")
    monkeypatch.setattr("provision.contract.PODS", tmp_path / "pods")
    monkeypatch.setattr(candidate, "is_up", lambda *_: True)
    monkeypatch.setattr(holding, "is_parked", lambda _: False)
    places = PodPlaces("alpha")
    Path(places.state).mkdir(parents=True)
    Path(places.release(NEW)).mkdir(parents=True)
    Path(places.live_socket).symlink_to(places.web_socket(NEW))
    Path(places.current).symlink_to(places.release(NEW))
    return places


def test_a_web_that_was_killed_while_it_was_live_does_not_close_the_pod(places: PodPlaces) -> None:
    """As its unit's ExecStopPost does: nginx answers 503 while this is there."""
    flag = Path(PodLayout(places).web_down_flag)
    flag.touch()
    Switch(Operation("alpha", "one", {}), "alpha.example.org").back_at_once(OLD)
    assert not flag.exists()
    assert Path(places.live_socket).readlink() == Path(places.web_socket(OLD))
    assert Path(places.current).readlink() == Path(places.release(OLD))
