"""Whom a pod's canary flies to: as the stage says, else as the last one did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monitoring.canary.pods import CanaryPod
from provision.operations import partners
from provision.operations.layout import PARTNERS
from provision.operations.operation import Operation

TOKEN = {"client_id": "id", "client_secret": "secret", "refresh_token": "refresh", "more": 1}


def pod(*names: str) -> dict[str, Any]:
    others = [{"name": name, "domain": f"{name}.example.org"} for name in names]
    return {"name": "alpha", "domain": "alpha.example.org", "partners": others}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    (tmp_path / "alpha").mkdir()
    (tmp_path / "alpha" / "canary.json").write_text(json.dumps(TOKEN))
    return tmp_path / "alpha"


def staged(name: str, *known: str) -> Operation:
    operation = Operation("alpha", name, {})
    secrets = operation.stage / "secrets"
    secrets.mkdir(parents=True)
    content = [{"name": n, "domain": f"{n}.example.org", "token": TOKEN} for n in known]
    (secrets / PARTNERS).write_text(json.dumps(content))
    return operation


def shown(others: tuple[CanaryPod, ...]) -> dict[str, bool]:
    return {other.name: other.token is not None for other in others}


def test_only_launched_partners_count(state: Path) -> None:
    found = partners.partners(staged("up", "gamma", "former"), pod("beta", "gamma"))
    assert shown(found.others) == {"gamma": True}
    assert (found.own.address, found.own.token is not None) == ("127.0.0.1", True)
    assert found.others[0].address is None


def test_a_rollback_knows_what_the_stage_of_the_upgrade_said(state: Path) -> None:
    partners.keep(staged("up", "beta"))
    assert (state / PARTNERS).stat().st_mode & 0o077 == 0
    rollback = Operation("alpha", "back", {})
    partners.keep(rollback)
    assert shown(partners.partners(rollback, pod("beta")).others) == {"beta": True}


def test_a_large_fleet_is_not_bothered_as_a_whole(state: Path) -> None:
    names = [f"p{number}" for number in range(20)]
    found = partners.partners(staged("up", *names[10:]), pod(*names))
    assert [other.name for other in found.others] == names[10:18]


def test_without_tokens_a_pod_is_alone(state: Path) -> None:
    (state / "canary.json").unlink()
    found = partners.partners(Operation("alpha", "back", {}), pod("beta"))
    assert (found.own.token, found.others) == (None, ())
