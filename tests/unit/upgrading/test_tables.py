"""The tables of `history` and `releases`, and what a dry run says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provision import foreseeing
from provision import kept as keeping
from provision.answers import Answers
from provision.errors import Refusal
from provision.foreseeing import Foreseen
from provision.history import Entry, lines
from provision.kept import Kept, kept_lines, prune, removed_lines
from tests.unit.upgrading.fleets import Told, target, written

WAY = {
    "path": "breaking",
    "order": "small",
    "pending": ["20260301000000"],
    "unknown": ["20260301000000"],
    "irreversible": [],
    "predicted_seconds": 1.4,
    "needs_bytes": 3 << 20,
}


def test_a_ledger_without_a_line() -> None:
    assert lines([]) == ["No upgrade yet."]


def test_what_is_not_known_is_a_dash_and_a_long_reason_is_cut() -> None:
    told = {
        "at": "2027-01-15T08:00:00+00:00",
        "outcome": "refused",
        "gate": "candidate: " + "x " * 90,
    }
    row = Entry("main", told).row()
    assert row[:2] == ("main", "2027-01-15T08:00:00")
    assert row[2:9] == ("-",) * 7
    assert row[9].startswith("refused: candidate: x x") and row[9].endswith(" …")
    assert len(row[9]) < 100


def test_what_is_kept_says_why() -> None:
    database = Kept(
        "main", {"kind": "database", "id": "pod_main_1", "bytes": 1 << 20, "why": "in use"}
    )
    orphan = Kept("main", {"kind": "orphan", "id": "16384", "bytes": None, "why": None})
    assert [line.rpartition("  ")[2].strip() for line in kept_lines([database, orphan])] == [
        "WHY KEPT",
        "in use",
        "nothing: --prune removes it",
    ]
    assert removed_lines([orphan])[0] == "Removed:"
    assert (kept_lines([]), removed_lines([])) == (["Nothing is kept."], ["Nothing to prune."])


def test_an_id_that_nobody_keeps_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(_: Any, __: Any, verb: str, *___: Any, **____: Any) -> Answers[tuple[str, Any]]:
        asked.append(verb)
        return Answers([("main", {"kind": "database", "id": "pod_main_1"})])

    monkeypatch.setattr(keeping, "ask_pods", ask)
    nobody: Any = None
    with pytest.raises(Refusal, match="--accept pod_main_2: none of the pods keeps that"):
        prune(nobody, Told(), ["pod_main_1", "pod_main_2"])
    assert asked == ["releases"]
    prune(nobody, Told(), ["pod_main_1"])
    assert asked[-1] == "prune"


def test_a_dry_run_says_what_is_remarkable() -> None:
    found = Foreseen("main", "1.2.0.0-0123abcd", "1.3.0.0", "1.3.0.0-11111111", WAY)
    assert found.lines() == [
        "pod main: 1.2.0.0-0123abcd becomes 1.3.0.0-11111111",
        "  path breaking, order small",
        "  1 pending migrations: 20260301000000",
        "  not in the catalogue, counted as breaking: 20260301000000",
        "  predicted to hold requests for 1.40 s",
        "  needs 3 MiB of disk",
    ]
    assert found.to_json()["outcome"] == "foreseen"


def test_a_release_that_is_not_built_yet_is_not_foretold() -> None:
    found = Foreseen("main", "1.2.0.0-0123abcd", "1.3.0.0", None, {})
    assert "it would be built first" in found.lines()[1]
    assert "--rehearse builds it" in found.lines()[1]
    told = found.to_json()
    assert told["to"] == "1.3.0.0"
    assert {told[key] for key in ("path", "order", "predicted_seconds", "needs_bytes")} == {None}


def test_a_dry_run_looks_for_what_the_pods_host_would_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def stored(pod: object, report: object, *, architecture: str) -> None:
        asked.append(architecture)

    monkeypatch.setattr(foreseeing, "stored_artifact", stored)
    one = target(written(tmp_path), "alpha")
    arm = replace(one.host_facts, architecture="aarch64")
    foreseeing.foresee(replace(one, host_facts=arm), Told())
    assert asked == ["aarch64"]
