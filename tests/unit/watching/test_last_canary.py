"""`canary --last`: what the watching host's canary left, told as of now or refused with words."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from monitoring.canary.flights import Flight
from monitoring.canary.records import Records
from monitoring.reasons import Reason
from monitoring.state import write_state
from provision import watching
from provision.errors import Refusal
from provision.watching import read_flights
from tests.unit.watching.here import here

FLIGHTS = [
    Flight("alpha", "beta", "ok", "2026-01-01T12:00:00+00:00", 0.25, 0.1),
    Flight("beta", "alpha", "lost", "2026-01-01T12:00:00+00:00", reason=Reason.NOT_ARRIVED),
]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watching, "MONITOR_STATE", tmp_path)
    return tmp_path


def leave(state: Path, *, age: float = 30.0, interval: float = 300.0, **more: Any) -> None:
    """What the schedule leaves after a round."""
    records = Records()
    records.learn(FLIGHTS)
    told = {"at": time.time() - age, "interval_seconds": interval, **more}
    write_state(state, "canary", {**records.to_json(), **told})


def test_what_was_seen_last_is_told(state: Path) -> None:
    leave(state)
    flights, age = read_flights(here(state))
    assert list(flights) == FLIGHTS
    assert 25 < age < 90


def test_a_canary_that_is_only_late_is_not_stale(state: Path) -> None:
    leave(state, age=850)
    read_flights(here(state))


REFUSED: dict[str, tuple[dict[str, Any] | None, str]] = {
    "not flown yet": (None, "has not left word yet"),
    "stale": ({"age": 3600}, " minutes ago, though it should every 5"),
    "many pods fly less often": (
        {"age": 3600, "interval": 1000},
        " minutes ago, though it should every 17",
    ),
    "one pod": ({"pairs": []}, "knows no pair of pods"),
}


@pytest.mark.parametrize(("left", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_words(left: dict[str, Any] | None, words: str, state: Path) -> None:
    if left is not None:
        leave(state, **left)
    with pytest.raises(Refusal, match=words) as caught:
        read_flights(here(state))
    assert caught.value.where == "host one" and caught.value.do.endswith(".")


def test_half_a_file_is_no_answer(state: Path) -> None:
    (state / "canary.json").write_text('{"pairs": [')
    with pytest.raises(Refusal, match="not what podfleet writes"):
        read_flights(here(state))
