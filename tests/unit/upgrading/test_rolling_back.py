"""Which release a rollback leads to, and what is said of what stays behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision import rolling_back
from provision.errors import PodfleetError, Refusal, UsageError
from provision.fleet.model import Fleet
from provision.rolling_back import RolledBack, outcome_json, outcome_lines, roll_back
from provision.waves import Result
from tests.unit.upgrading.fleets import Told, pod_facts, seen, written

NOW, BEFORE = "1.1.0.0-11111111", "1.0.0.0-0123abcd"
ENTRY = {
    "verb": "rollback",
    "from": NOW,
    "to": BEFORE,
    "closed_seconds": 0.31,
    "rows_since": {"posts": 3, "likes": 12},
    "jobs_aside": 2,
}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    fleet = written(tmp_path)
    pods = {name: pod_facts(f"{name}.lab.test", NOW) for name in ("alpha", "beta", "gamma")}
    for name in ("alpha", "gamma"):
        record: Any = pods[name].record
        record["previous"] = {"release_id": BEFORE, "database": f"pod_{name}_1"}
    pods["gamma"] = pod_facts("gamma.lab.test", None)
    there = seen(fleet, pods)
    monkeypatch.setattr(rolling_back, "look", lambda *_: there)
    return fleet


def back(fleet: Fleet, *pods: str) -> list[rolling_back.Outcome]:
    return roll_back(fleet, Told(), pods=pods, dry_run=True)


def test_a_dry_run_says_where_it_leads(fleet: Fleet) -> None:
    outcomes = back(fleet, "alpha")
    assert outcome_lines(outcomes) == [f"pod alpha: {NOW} would go back to {BEFORE}"]
    assert [outcome_json(one) for one in outcomes] == [
        {"pod": "alpha", "from": NOW, "to": BEFORE, "error": None}
    ]


@pytest.mark.parametrize(
    ("pods", "said"),
    [
        (("beta",), "is the first release that ran here.*upgrade --to VERSION --pod beta`"),
        (("gamma",), "it is not launched"),
        (("alpha", "beta"), "is the first release that ran here"),
        (("delta",), "declares no pod delta"),
        ((), "it is not said which pods shall go back"),
    ],
)
def test_what_cannot_go_back_is_refused_before_anything_is_begun(
    fleet: Fleet, pods: tuple[str, ...], said: str
) -> None:
    with pytest.raises(PodfleetError, match=said) as caught:
        back(fleet, *pods)
    assert isinstance(caught.value, Refusal | UsageError)


def test_what_stays_behind_is_counted(fleet: Fleet) -> None:
    done = Result(fleet.pods["alpha"], made=RolledBack(NOW, BEFORE, ENTRY))
    failed = Result[Any, Any](fleet.pods["beta"], error=Refusal("pod beta", "it is red", "Look."))
    left = Result[Any, Any](fleet.pods["gamma"])
    assert outcome_lines([done, failed, left]) == [
        f"pod alpha: runs {BEFORE} again; closed for 0.31 s",
        "  rows written since stay in the newer database: 12 in likes, 3 in posts",
        "  2 queued jobs that may refer to them were put aside",
        "Not attempted: gamma.",
    ]
    assert outcome_json(done) == {**ENTRY, "pod": "alpha", "error": None}
    assert outcome_json(failed) == {"pod": "beta", "error": "pod beta: it is red. Look."}
    assert failed.error
    failed.error.operation = "20270115T080000000-rollback"
    assert outcome_json(failed)["operation"] == "20270115T080000000-rollback"
