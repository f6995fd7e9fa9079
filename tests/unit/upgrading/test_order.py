"""The fleet's order: the lead pod, its wait, the others; what a red leaves, what a rerun does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision import upgrading
from provision.cli.upgrade_words import outcome_json, outcome_lines
from provision.errors import NotSafe, Refusal
from provision.fleet.model import Fleet
from provision.hosts.facts import PodFacts
from provision.looking import Seen
from provision.targets import Target, Wish
from provision.upgrading import Outcome, Run, Upgraded
from tests.unit.upgrading.fleets import (
    HOSTS,
    NOW,
    Told,
    pod_facts,
    seen,
    target,
    upgrade_operation,
    written,
)

ENTRY = {
    "path": "expand",
    "order": "ample",
    "predicted_seconds": 0.0,
    "closed_seconds": 0.012,
    "seconds": 41.3,
    "from": "1.0.0.0-0123abcd",
    "to": "1.1.0.0-11111111",
    "outcome": "done",
}


class Host:
    """Upgrades without a host: what was begun, how long was waited, which pods turn out red."""

    def __init__(self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fleet = fleet
        self.happened: list[str] = []
        self.red: dict[str, Any] = {}
        self.after_the_wait = "serving"
        monkeypatch.setattr("time.sleep", self._wait)
        monkeypatch.setattr(upgrading, "gather", self._gather)

    def _wait(self, seconds: float) -> None:
        self.happened.append(f"wait {seconds:.0f}")

    def _gather(self, _: object) -> Any:
        state = self.after_the_wait
        pods = {pod.name: pod_facts(pod.domain, state=state) for pod in self.fleet.pods.values()}
        return type("Facts", (), {"pods": pods})

    def _work(self, one: Target) -> Upgraded:
        self.happened.append(one.pod.name)
        if error := self.red.get(one.pod.name):
            raise error
        return Upgraded("20270115T080000000-upgrade", "1.1.0.0-11111111", {}, ENTRY)

    def upgrade(
        self,
        *names: str,
        wish: Wish | None = None,
        there: dict[str, Seen] | None = None,
        chosen: tuple[str, ...] = (),
    ) -> list[Outcome]:
        there, told = there or seen(self.fleet), Told()
        run = Run(self.fleet, None, told, there, wish or Wish(), chosen)  # type: ignore[arg-type]
        return upgrading._in_order(run, [target(self.fleet, name) for name in names], self._work)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(written(tmp_path), monkeypatch)


def names(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(each["pod"], each["outcome"]) for each in map(outcome_json, outcomes)]


def test_the_lead_pod_goes_first_and_the_others_wait(host: Host) -> None:
    outcomes = host.upgrade("alpha", "beta", "gamma")
    assert host.happened[:2] == ["beta", "wait 600"]
    assert sorted(host.happened[2:]) == ["alpha", "gamma"]
    assert names(outcomes) == [("beta", "done"), ("alpha", "done"), ("gamma", "done")]


def test_a_red_lead_pod_leaves_the_others_as_they_are(host: Host) -> None:
    host.red = {"beta": Refusal("pod beta: 1", "its gate is red", "")}
    outcomes = host.upgrade("alpha", "beta", "gamma")
    assert host.happened == ["beta"]
    assert names(outcomes) == [
        ("beta", "failed"),
        ("alpha", "not attempted"),
        ("gamma", "not attempted"),
    ]
    assert outcome_lines(outcomes)[-1] == (
        "Not attempted: alpha, gamma. They run what they ran; a rerun goes on with them."
    )


def test_a_lead_pod_that_does_not_last_is_red_after_all(host: Host) -> None:
    host.after_the_wait = "degraded"
    outcomes = host.upgrade("alpha", "beta")
    assert host.happened == ["beta", "wait 600"]
    assert "after the wait it is degraded" in str(outcomes[0].error)
    assert names(outcomes) == [("beta", "failed"), ("alpha", "not attempted")]
    told = [each["operation"] for each in map(outcome_json, outcomes)]
    assert told == ["20270115T080000000-upgrade", None]


def test_a_pod_that_failed_names_its_operation(host: Host) -> None:
    error = Refusal("pod beta", "its gate is red", "")
    error.operation = "20270115T080000000-upgrade"
    host.red = {"beta": error}
    (told,) = map(outcome_json, host.upgrade("beta"))
    assert (told["outcome"], told["operation"]) == ("failed", error.operation)


def test_a_red_one_of_the_others_is_the_last_to_begin(tmp_path: Path, host: Host) -> None:
    one = host.fleet.upgrade.model_copy(update={"parallel": 1})
    host.fleet = host.fleet.model_copy(update={"upgrade": one})
    host.red = {"alpha": NotSafe("pod alpha: 1", "it cannot go back", "")}
    outcomes = host.upgrade("alpha", "gamma")
    assert names(outcomes) == [("alpha", "failed"), ("gamma", "not attempted")]
    assert outcomes[0].error and outcomes[0].error.exit_code == 4


def lead(
    applied_at: str | None = "2027-01-15T07:55:30+00:00", **operation: Any
) -> dict[str, PodFacts]:
    found = pod_facts("beta.lab.test", "1.1.0.0-11111111", operation=upgrade_operation(**operation))
    assert found.record is not None
    found.record["applied_at"] = applied_at
    return {"beta": found}


def test_a_rerun_waits_for_what_is_left_of_the_wait(host: Host) -> None:
    """The lead pod's release was applied 270 s ago, by the host's own clock."""
    host.upgrade("alpha", "gamma", there=seen(host.fleet, lead()))
    assert NOW == 1_800_000_000
    assert host.happened[0] == "wait 330"


def test_a_rerun_ends_where_the_lead_pod_did_not_last_the_rest_of_its_wait(host: Host) -> None:
    host.after_the_wait = "down"
    with pytest.raises(Refusal, match="the lead pod is down"):
        host.upgrade("alpha", "gamma", there=seen(host.fleet, lead()), chosen=tuple(HOSTS))
    assert host.happened == ["wait 330"]


@pytest.mark.parametrize(
    "operation",
    [
        {"operation": "configure"},
        {"exit": 1},
        {"since": "2027-01-15T06:00:00+00:00", "applied_at": "2027-01-15T06:00:30+00:00"},
        {"since": None},
        {"applied_at": None},
        # A rehearsal: what is applied was applied before it began.
        {"applied_at": "2027-01-15T07:54:00+00:00"},
    ],
)
def test_it_waits_for_nothing_else(host: Host, operation: dict[str, Any]) -> None:
    host.upgrade("alpha", "gamma", there=seen(host.fleet, lead(**operation)))
    assert sorted(host.happened) == ["alpha", "gamma"]


def test_a_clock_that_jumped_makes_nobody_wait_longer_than_the_file_says(host: Host) -> None:
    later = "2027-06-01T00:00:00+00:00"
    there = seen(host.fleet, lead(since=later, applied_at=later))
    host.upgrade("alpha", there=there)
    assert host.happened == ["wait 600", "alpha"]


def test_a_rehearsal_waits_for_nothing(host: Host) -> None:
    host.upgrade("alpha", "beta", wish=Wish(rehearse=True))
    assert host.happened == ["beta", "alpha"]


def test_a_single_pod_waits_for_nobody(host: Host) -> None:
    host.upgrade("beta")
    assert host.happened == ["beta"]


def test_outcomes_are_told_with_what_they_cost(host: Host) -> None:
    outcomes = host.upgrade("beta")
    row = "  ".join(outcome_lines(outcomes)[1].split())
    assert row == (
        "beta  1.0.0.0-0123abcd  1.1.0.0-11111111  done  expand,  ample  0.00  s  0.01  s  41.30  s"
    )
    (told,) = map(outcome_json, outcomes)
    assert told["closed_seconds"] == 0.012 and told["error"] is None
    assert outcome_lines([]) == ["Nothing to upgrade."]
