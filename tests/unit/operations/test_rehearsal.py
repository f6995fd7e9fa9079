"""A rehearsal beside the pod: what it leaves running while its candidate boots."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.operations import copies, database, ledger, preparing
from provision.operations.migrator import Migrator
from provision.operations.operation import Operation
from provision.operations.paths import Way
from provision.operations.preparing import Preparation

NEW = "1.1.0.0-0123abcd"
SMALL = Way("breaking", "small", ("1",), (), (), "pod_alpha_1", 9, 0.7, 300, 120, 110, 18)


@pytest.mark.parametrize("is_rehearsal", [True, False])
def test_the_migrator_of_a_rehearsal_makes_room_for_its_candidate(
    is_rehearsal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rehearsal ends nothing of the pod's; an upgrade needs the migrator again in a moment."""
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    monkeypatch.setattr(Operation, "release_id", NEW)
    monkeypatch.setattr(Operation, "domain", "alpha.example.org")
    found = {"way": SMALL.to_json(), "from": "1.0.0.0-0123abcd", "database": "pod_alpha_2"}
    monkeypatch.setattr(Preparation, "found", found)
    monkeypatch.setattr(preparing, "POSTGRESQL", tmp_path)
    monkeypatch.setattr(copies, "copy_by_dump", lambda *_: 0.5)
    monkeypatch.setattr(Preparation, "_measure_copy", lambda _: 0.2)
    monkeypatch.setattr(database, "size", lambda _: 9)
    monkeypatch.setattr(ledger, "overhead_seconds", lambda *_: 0.6)
    seen: list[str] = []
    for step in ("start", "stop"):
        monkeypatch.setattr(Migrator, step, lambda _, step=step: seen.append(step))
    monkeypatch.setattr(Migrator, "migrate", lambda *_, **__: [{"version": "1", "seconds": 0.1}])
    monkeypatch.setattr(Migrator, "peak_mb", lambda _: 130.0 if seen == ["start"] else 0.0)
    operation = Operation("alpha", "one", {"parameters": {"rehearse": is_rehearsal}})
    told = Preparation(operation).rehearse({})
    assert seen == (["start", "stop"] if is_rehearsal else ["start"])
    assert (told["migrator_peak_mb"], told["predicted_seconds"]) == (130.0, 0.9)
