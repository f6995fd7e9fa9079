"""What `plan` says of a pod whose release is another than the file's, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision import plan
from provision.fleet.model import Fleet
from provision.hosts.drift import Drift
from provision.plan import Action, PodPlan
from tests.unit.upgrading.fleets import pod_facts, seen, written
from tests.unit.upgrading.test_naming import NEW_NAME

DRIFT = Drift("/etc/nginx/sites-enabled/pod-gamma.conf", "content", "was edited by hand")
REFUSED = {"release_id": "1.1.0.0-11111111", "at": "2027-01-15T08:00:00+00:00", "why": "gates: no"}


class Vault:
    def need_keys(self, pod: str) -> None:
        pass

    def get(self, path: str) -> str:
        return "tokens"


def plan_gamma(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, **facts: object) -> PodPlan:
    """The stage is what was applied: only what is asked here may differ."""
    manifest = {"digest": "0", "pod": {"name": "gamma", "release_id": "1.0.0.0-0123abcd"}}
    manifest |= {"files": [], "secrets": []}
    monkeypatch.setattr(plan, "_staged_manifest", lambda *_: manifest)
    gamma = pod_facts("gamma.lab.test", **facts)  # type: ignore[arg-type]
    assert gamma.record is not None
    gamma.record.update(digest="0", manifest=manifest)
    one = seen(fleet, {"gamma": gamma})["two"]
    return plan._plan_pod(fleet, fleet.pods["gamma"], one, Vault(), deep=False)  # type: ignore[arg-type]


def test_a_release_to_come_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan_gamma(written(tmp_path), monkeypatch)
    assert found.action is Action.NOTHING
    assert found.notes == (
        "it runs 1.0.0.0, the fleet file names 1.1.0.0: `up` never changes a running pod's "
        "release; run podfleet upgrade --pod gamma",
    )


def test_a_refused_release_says_when_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = plan_gamma(written(tmp_path), monkeypatch, refused=(REFUSED,))
    assert found.action is Action.NOTHING
    (note,) = found.notes
    assert "1.1.0.0-11111111 was refused on 2027-01-15T08:00:00: gates: no" in note
    assert note.endswith("podfleet upgrade --pod gamma")


def test_settings_of_the_release_to_come_are_left_to_its_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is configured, nor anything else of the file: it was written for another release."""
    fleet = written(tmp_path, release="1.3.0.0", more=NEW_NAME)
    found = plan_gamma(fleet, monkeypatch, drift=(DRIFT,))
    assert (found.action, found.reasons, found.effects) == (Action.NOTHING, (), ())
    assert "settings.source_code_url: of 1.3.0.0, applied by the upgrade" in found.notes[1]
    assert found.notes[2] == f"{DRIFT.where} was edited by hand"
