"""What `plan` foretells of the upgrade that the fleet file asks for, and where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision import planning
from provision.errors import Refusal
from provision.fleet.model import Fleet
from provision.foreseeing import Foreseen
from provision.plan import Action, Plan, PodPlan
from provision.targets import Target
from tests.unit.upgrading.fleets import Told, pod_facts, seen, written

WAY: dict[str, Any] = {"path": "breaking", "order": "ample", "pending": ["20260101000000"]}
WAY |= {"predicted_seconds": 0.9, "needs_bytes": 3 << 20}


class Asked:
    """Stands for the hosts: which of them were asked a second time, and what they answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pods: list[str] = []
        self.error: Refusal | None = None
        self.action = Action.NOTHING
        monkeypatch.setattr(planning, "plan_of", self._plan)
        monkeypatch.setattr(planning, "foresee", self._foresee)

    def _plan(self, _: Fleet, chosen: Any, *__: object, deep: bool) -> Plan:
        pods = [PodPlan(pod.name, pod.host, self.action, pod.release) for pod in chosen]
        return Plan((), tuple(pods))

    def _foresee(self, target: Target, _: object) -> Foreseen:
        self.pods.append(target.pod.name)
        if self.error:
            raise self.error
        return Foreseen(target.pod.name, target.running, "1.1.0.0", "1.1.0.0-11111111", WAY)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def plan_beta(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, **facts: Any) -> PodPlan:
    found = {"beta": pod_facts("beta.lab.test", **facts)}
    monkeypatch.setattr(planning, "look", lambda *_: seen(fleet, found))
    (part,) = planning.make_plan(fleet, Told(), pods=["beta"]).pods
    return part


def test_the_prediction_is_said_and_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Asked
) -> None:
    part = plan_beta(written(tmp_path), monkeypatch)
    assert part.upgrade is not None and part.upgrade["predicted_seconds"] == 0.9
    assert "the upgrade: path breaking, order ample" in part.notes
    assert any(note.startswith("the upgrade: predicted to hold requests") for note in part.notes)


def test_a_pod_that_runs_it_costs_no_second_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Asked
) -> None:
    part = plan_beta(written(tmp_path), monkeypatch, running="1.1.0.0-11111111")
    assert (part.upgrade, part.notes, asked.pods) == (None, (), [])


@pytest.mark.parametrize("action", [Action.LAUNCH, Action.FINISH, Action.UNREACHABLE])
def test_a_pod_that_no_upgrade_could_begin_on_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Asked, action: Action
) -> None:
    asked.action = action
    assert plan_beta(written(tmp_path), monkeypatch).upgrade is None
    assert asked.pods == []


def test_what_speaks_against_it_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Asked
) -> None:
    """Here: a release whose database cannot be lived with by an older one."""
    part = plan_beta(written(tmp_path), monkeypatch, running="1.3.0.0-33333333")
    assert part.upgrade is None and asked.pods == []
    (note,) = part.notes
    assert "is older than 1.3.0.0" in note and "podfleet rollback --pod beta" in note


def test_a_host_that_cannot_tell_ends_no_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Asked
) -> None:
    asked.error = Refusal("host one", "its PostgreSQL does not answer", "Run `podfleet status`.")
    part = plan_beta(written(tmp_path), monkeypatch)
    assert part.upgrade is None
    assert part.notes == (f"the upgrade is not to be had yet: {asked.error}",)
