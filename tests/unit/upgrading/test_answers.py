"""What is asked of each pod's host: one that is away silences no other, and is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision import answers
from provision.answers import ask_pods
from provision.errors import Refusal
from provision.kept import prune
from provision.looking import Seen
from tests.unit.upgrading.fleets import Told, seen, written


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """alpha answers, beta beside it refuses, and gamma's host is away."""
    fleet = written(tmp_path)
    there = seen(fleet)
    gone = Refusal("host two", "does not answer", "Boot it.")
    there["two"] = Seen(fleet.hosts["two"], error=gone)

    def ask(_: Any, pod: str, verb: str, request: Any = None) -> str:
        if pod == "beta":
            raise Refusal("pod beta", "has no release", "Run `podfleet up`.")
        return f'[{{"id": "{pod}-{verb}"}}]'

    monkeypatch.setattr(answers, "look", lambda *_: there)
    monkeypatch.setattr(answers, "ask_host", ask)
    return fleet


def test_a_host_that_is_away_silences_no_other(asked: Any) -> None:
    found = ask_pods(asked, Told(), "history")
    assert found.told == [("alpha", {"id": "alpha-history"})]
    assert [error.where for error in found.errors] == ["host two", "pod beta"]
    assert not found.is_silence
    assert ask_pods(asked, Told(), "history", pods=["beta", "gamma"]).is_silence


def test_nothing_is_pruned_while_the_host_that_may_keep_it_is_away(asked: Any) -> None:
    with pytest.raises(Refusal) as refused:
        prune(asked, Told(), ["pod_beta_1"])
    assert "host two: does not answer" in str(refused.value)
    assert "--accept pod_beta_1: none of the pods keeps that" in str(refused.value)
