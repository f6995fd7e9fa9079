"""The room that an upgrade needs, told before anything is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import database, memory
from provision.operations.paths import Asked, look_ahead
from provision.operations.preflight import SPARE_BYTES, refuse_full_disks


def test_what_lies_on_one_disk_adds_up(tmp_path: Path) -> None:
    seen = os.statvfs(tmp_path)
    left = seen.f_bavail * seen.f_frsize - SPARE_BYTES
    pods, postgresql = tmp_path / "not" / "yet", tmp_path
    refuse_full_disks({pods: left // 10, postgresql: left // 10})
    with pytest.raises(Refusal, match="Make room"):
        refuse_full_disks({pods: left * 6 // 10, postgresql: left * 6 // 10})


@pytest.mark.parametrize(("kind", "needed"), [(None, 300), ("expand", 1300), ("breaking", 2300)])
def test_an_upgrade_needs_room_for_its_release_and_its_copies(
    kind: str | None, needed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("provision.contract.PODS", tmp_path)
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    monkeypatch.setattr(database, "size", lambda _: 1000)
    monkeypatch.setattr(database, "schema_versions", lambda _: set())
    monkeypatch.setattr(memory, "unit_mb", lambda _: 100.0)
    migrations = ["20260101000000_one"] if kind else []
    asked = Asked(migrations, {"20260101000000": kind} if kind else {}, 300, 2048)
    record = {"database": "pod_alpha_1", "release_id": "1.0.0.0-0123abcd"}
    assert look_ahead(PodPlaces("alpha"), record, asked).needs_bytes == needed
