"""`canary --pod`: between which pods canaries fly, and that a name nobody has is refused."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from monitoring.canary.flights import Flight
from monitoring.canary.pods import CanaryPod
from provision import federation
from provision.errors import Refusal
from provision.federation import fly_between
from provision.fleet.model import Fleet
from tests.unit.upgrading.fleets import Told, written


class _Vault:
    def __init__(self, *launched: str) -> None:
        self._launched = launched

    def get(self, path: str) -> str | None:
        return "token" if path.split(".")[1] in self._launched else None


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    def fly(pods: Sequence[CanaryPod], *, concerning: Collection[str]) -> list[Flight]:
        return [
            Flight(one.name, other.name, "ok", "now")
            for one in pods
            for other in pods
            if one is not other and {one.name, other.name} & set(concerning)
        ]

    monkeypatch.setattr(federation, "fly_all", fly)
    monkeypatch.setattr(federation, "canary_pod", _canary_pod)
    return written(tmp_path)


def _canary_pod(_: Fleet, vault: _Vault, pod: CanaryPod) -> CanaryPod | None:
    return pod if vault.get(f"pods.{pod.name}.canary") else None


def pairs(fleet: Fleet, told: Told, *pods: str, launched: str = "alpha beta gamma") -> list[str]:
    vault = _Vault(*launched.split())
    flights = fly_between(fleet, told, vault=vault, pods=pods)  # type: ignore[arg-type]
    return [f"{each.sender} {each.receiver}" for each in flights]


def test_all_pairs_fly_unless_pods_are_named(fleet: Fleet) -> None:
    assert len(pairs(fleet, Told())) == 6
    assert pairs(fleet, Told(), "alpha", "gamma") == ["alpha gamma", "gamma alpha"]


def test_a_pod_that_is_named_alone_flies_with_all_others(fleet: Fleet) -> None:
    found = pairs(fleet, Told(), "beta")
    assert found == ["alpha beta", "beta alpha", "beta gamma", "gamma beta"]


@pytest.mark.parametrize("pods", [("nope",), ("alpha", "nope")])
def test_a_name_that_no_pod_has_is_refused(fleet: Fleet, pods: tuple[str, ...]) -> None:
    """Nothing that flew is all that went well, to whoever reads the exit code."""
    with pytest.raises(Refusal, match=r"declares no pod nope. Name one of: alpha, beta, gamma"):
        pairs(fleet, Told(), *pods)


@pytest.mark.parametrize("pods", [(), ("alpha",), ("beta",)])
def test_without_two_launched_pods_none_flies_and_it_says_so(
    fleet: Fleet, pods: tuple[str, ...]
) -> None:
    told = Told()
    assert pairs(fleet, told, *pods, launched="beta") == []
    assert told.lines == ["A canary needs two pods that have been launched: none flew."]
