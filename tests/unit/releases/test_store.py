"""An artifact is found again by what it was built from, and only while it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.releases import store

from .conftest import Shipped

Make = Callable[..., Shipped]


def test_what_was_kept_is_found(shipped: Make) -> None:
    kept = shipped()
    found = store.find("key")
    assert found is not None
    assert found.release_id == kept.release_id
    assert store.find("another key") is None


def test_what_was_altered_is_not_found(shipped: Make) -> None:
    shipped().tarball.write_bytes(b"something else")
    assert store.find("key") is None


def test_an_altered_manifest_is_refused(shipped: Make) -> None:
    kept = shipped()
    manifest = kept.directory / f"{kept.release_id}.json"
    manifest.write_text(manifest.read_text().replace("3.3.0", "3.4.0"))
    with pytest.raises(Refusal, match="it was altered"):
        store.find("key")


def test_all_are_listed_newest_first(shipped: Make) -> None:
    old = shipped(built_at="2026-01-01T00:00:00+00:00")
    new = shipped(built_at="2026-02-01T00:00:00+00:00")
    assert [one.release_id for one in store.artifacts()] == [new.release_id, old.release_id]


def test_what_was_not_used_for_longest_makes_room(
    shipped: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT", 2)
    used = shipped(key="first", built_at="2026-01-01T00:00:00+00:00").release_id
    unused = shipped(key="second", built_at="2026-01-02T00:00:00+00:00").release_id
    assert store.find("first")
    new = shipped(key="third", built_at="2026-01-03T00:00:00+00:00").release_id
    assert {one.release_id for one in store.artifacts()} == {used, new}
    assert not list(store.store_directory().glob(f"{unused}.tar.zst"))


def test_nobody_else_may_look_in(shipped: Make) -> None:
    kept = shipped()
    assert kept.directory.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept.directory.glob("*.tar.zst"))


def test_a_full_disk_leaves_no_half_artifact(
    shipped: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Path("/dev/full")

    def copy(source: Path, target: Path) -> None:
        full.write_bytes(b"x")

    monkeypatch.setattr(shutil, "copyfile", copy)
    with pytest.raises(Refusal, match=r"artifacts: the disk is full; nothing was kept"):
        shipped()
    left = [path.name for path in store.store_directory().rglob("*") if path.is_file()]
    assert left == []
