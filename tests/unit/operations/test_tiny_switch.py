"""The switch where one web fits: the new one boots while requests wait for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from provision.operations import candidate, gates, holding, switching, units
from provision.operations.gates import GateIsRed
from provision.operations.holding import HoldTooLong
from provision.operations.migrator import Migrator
from provision.operations.operation import Operation
from provision.operations.paths import Way
from provision.operations.upgrade import _Upgrade

OLD, NEW = "1.0.0.0-0123abcd", "1.1.0.0-0123abcd"
TINY = Way("plain", "tiny", (), (), (), "pod_alpha_1", 9, 7.0, 300, 120, 110, 0)


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Upgrade:
    """An upgrade whose requests are held, and whose new web never says that it is ready."""
    monkeypatch.setattr("provision.contract.STATE", tmp_path / "state")
    monkeypatch.setattr("provision.contract.PODS", tmp_path / "pods")
    monkeypatch.setattr(Operation, "release_id", NEW)
    monkeypatch.setattr(Operation, "domain", "alpha.example.org")
    found = {"way": TINY.to_json(), "from": OLD, "database": "pod_alpha_1"}
    monkeypatch.setattr(_Upgrade, "found", found)
    monkeypatch.setattr(holding, "is_held", lambda _: True)
    monkeypatch.setattr(candidate, "take_the_place", lambda *_: None)
    monkeypatch.setattr(candidate, "succeeds", lambda _: True)
    monkeypatch.setattr(candidate, "systemctl", lambda *_: None)
    monkeypatch.setattr(units, "let_up", lambda _: None)
    monkeypatch.setattr(gates, "last_words", lambda _: "still loads")
    monkeypatch.setattr(Migrator, "stop", lambda _: None)
    return _Upgrade(Operation("alpha", "one", {}))


def state(word: str, result: str) -> Any:
    said = {"ActiveState": word, "SubState": word, "Result": result, "NRestarts": "0", "Job": ""}
    return lambda *_: said


def test_a_boot_that_takes_longer_than_a_hold_names_the_maintenance_page(
    walk: _Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "unit_properties", state("activating", "success"))
    monkeypatch.setattr(switching, "HOLD_SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(HoldTooLong, match="--maintenance"):
        walk.switch({})
    assert time.monotonic() - began < 5


def test_a_release_that_does_not_boot_is_named_as_such(
    walk: _Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "unit_properties", state("failed", "exit-code"))
    with pytest.raises(GateIsRed, match="does not start"):
        walk.switch({})


def test_the_migrator_makes_room_for_the_web_that_boots(
    walk: _Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(Migrator, "stop", lambda _: seen.append("migrator ends"))
    monkeypatch.setattr(candidate, "boot", lambda *_, **__: seen.append("web boots"))
    monkeypatch.setattr(walk.switching, "switch", lambda *_, **__: {"closed_seconds": 7.5})
    assert walk.switch({})["closed_seconds"] == 7.5
    assert seen == ["migrator ends", "web boots"]
