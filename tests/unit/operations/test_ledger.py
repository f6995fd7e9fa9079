"""The ledger: a line an operation, whatever was cut, written twice or done to the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provision.contract import PodPlaces
from provision.operations import ledger

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodPlaces:
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    (tmp_path / "alpha").mkdir()
    return PodPlaces("alpha")


def upgrade(name: str, **more: Any) -> dict[str, Any]:
    return {"operation": name, "verb": "upgrade", "outcome": "done", **more}


def test_every_entry_has_every_key(places: PodPlaces) -> None:
    assert ledger.read(places) == []
    ledger.append(places, upgrade("one", closed_seconds=0.4), now=lambda: NOON)
    (found,) = ledger.read(places)
    assert found.keys() == ledger.EMPTY.keys()
    assert (found["at"], found["closed_seconds"]) == ("2026-01-01T12:00:00+00:00", 0.4)


def test_an_operation_that_ends_twice_has_one_entry(places: PodPlaces) -> None:
    """A cut between the ledger and the verdict: the operation concludes again after the boot."""
    ledger.append(places, upgrade("one", seconds=1))
    ledger.append(places, upgrade("two"))
    ledger.append(places, upgrade("one", seconds=2))
    assert [(e["operation"], e["seconds"]) for e in ledger.read(places)] == [
        ("one", 2),
        ("two", None),
    ]


@pytest.mark.parametrize("torn", [b'{"operation": "two', b"\0" * 512])
def test_a_torn_line_is_cut_off(places: PodPlaces, torn: bytes) -> None:
    ledger.append(places, upgrade("one"))
    with Path(places.ledger).open("ab") as file:
        file.write(torn)
    assert [e["operation"] for e in ledger.read(places)] == ["one"]
    ledger.append(places, upgrade("three"))
    assert [e["operation"] for e in ledger.read(places)] == ["one", "three"]
    assert Path(places.ledger).stat().st_mode & 0o077 == 0


def test_a_clock_that_was_set_back_changes_no_order(places: PodPlaces) -> None:
    for hours, size in ((0, 100), (-48, 200)):
        entry = upgrade(f"{hours}", copy_seconds=1.0, database_bytes=size * 1_000_000)
        ledger.append(places, entry, now=lambda h=hours: NOON + timedelta(hours=h))  # type: ignore[misc]
    assert [e["operation"] for e in ledger.read(places)] == ["0", "-48"]
    assert ledger.copy_rate(places) == 200e6


def test_a_copy_of_little_says_nothing_of_the_rate(places: PodPlaces) -> None:
    assert ledger.copy_rate(places) == ledger.COPY_BYTES_PER_SECOND
    ledger.append(places, upgrade("one", copy_seconds=0.2, database_bytes=8_000_000))
    ledger.append(places, upgrade("two", copy_seconds=None, database_bytes=900_000_000))
    assert ledger.copy_rate(places) == ledger.COPY_BYTES_PER_SECOND
    ledger.append(places, upgrade("three", copy_seconds=3.0, database_bytes=900_000_000))
    assert ledger.copy_rate(places) == 300e6


def test_the_overhead_of_a_hold_is_that_of_the_last_one(places: PodPlaces) -> None:
    held = {"closed_seconds": 3.0, "copy_seconds": 1.5, "migrate_seconds": 0.3}
    assert ledger.overhead_seconds(places) == ledger.OVERHEAD_SECONDS
    ledger.append(places, upgrade("one", **held))
    assert ledger.overhead_seconds(places) == pytest.approx(1.2)
    # A cut one was watched by nobody, an undone one says nothing.
    ledger.append(places, upgrade("two", **{**held, "closed_seconds": None}))
    ledger.append(places, upgrade("three", **held) | {"outcome": "rolled back"})
    assert ledger.overhead_seconds(places) == pytest.approx(1.2)


def test_a_boot_that_requests_waited_for_is_no_overhead_of_the_next_hold(
    places: PodPlaces,
) -> None:
    """A host that was given more memory, or whose tiny order would count the boot twice."""
    assert ledger.boot_seconds(places) == ledger.BOOT_SECONDS
    moved = {"copy_seconds": 1.5, "migrate_seconds": 0.3}
    ledger.append(places, upgrade("one", order="tiny", closed_seconds=6.4, **moved))
    assert ledger.overhead_seconds(places) == ledger.OVERHEAD_SECONDS
    assert ledger.boot_seconds(places) == pytest.approx(4.0)
    ledger.append(places, upgrade("two", order="ample", closed_seconds=2.8, **moved))
    assert ledger.overhead_seconds(places) == pytest.approx(1.0)
    # Where nothing breaks, migrations ran before requests waited.
    expand = {"path": "expand", "migrate_seconds": 9.0}
    ledger.append(places, upgrade("three", order="tiny", closed_seconds=3.2, **expand))
    assert ledger.boot_seconds(places) == pytest.approx(3.2)
