"""A clock that is set back or forward, injected: operations keep their order, gates their time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.operations import gates, verdicts
from provision.operations.operation import Operation
from provision.operations.starting import name_after
from provision.operations.step import Run, Step

NOON = datetime(2026, 3, 4, 12, 0, 0, 5000, tzinfo=UTC)


def test_an_operation_is_named_by_its_time() -> None:
    assert name_after(None, NOON, "upgrade") == "20260304T120000005-upgrade"
    assert name_after("20260304T115900000-launch", NOON, "upgrade") == "20260304T120000005-upgrade"


@pytest.mark.parametrize("hours", [0, -1, -24 * 365, 1])
def test_the_newest_operation_is_the_last_one_by_name(hours: int) -> None:
    """What is not the newest would never run, and whoever follows it would wait for ever."""
    now = NOON + timedelta(hours=hours)
    names = ["20260304T120000005-upgrade"]
    for verb in ("upgrade", "configure", "rollback", "upgrade"):
        names.append(name_after(names[-1], now, verb))
    assert all(one.partition("-")[0] < other.partition("-")[0] for one, other in pairwise(names))
    assert names == sorted(names)


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_gate_gives_a_job_its_time_whatever_the_clock_says(
    monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    begin = time.time()
    asked: list[bool] = []

    def clock() -> float:
        return begin + jump * len(asked)

    def is_done(*_: object) -> bool:
        asked.append(True)
        return len(asked) == 3

    monkeypatch.setattr("provision.operations.gates.time.time", clock)
    monkeypatch.setattr("provision.operations.gates.time.sleep", lambda seconds: None)
    monkeypatch.setattr(gates, "_redis", lambda *words: "0")
    monkeypatch.setattr(gates, "_is_done", is_done)
    found = gates.job({"name": "alpha", "release_id": "1.0.0.0-00000000"})
    assert 0 <= found["seconds"] < gates.JOB_SECONDS


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_the_ledger_counts_what_the_steps_took_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    operation = Operation("alpha", "one", {})
    operation.directory.mkdir(parents=True)

    def times() -> Iterator[datetime]:
        yield NOON
        while True:
            yield NOON + timedelta(seconds=jump)

    at = times()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return next(at)

    monkeypatch.setattr("provision.operations.journal.datetime", Clock)

    def fail(_: object) -> None:
        raise Refusal("here", "it is red", "Look.")

    steps = [
        Step("one", lambda _: time.sleep(0.1), lambda _: time.sleep(0.1)),
        Step("two", fail),
    ]
    Run(lambda: steps, operation.journal, [tmp_path], "pod alpha").resume()
    assert 0.2 <= verdicts._seconds(operation) < 5
