"""Files put aside and put back: contents, modes, and that one was not there."""

from __future__ import annotations

from pathlib import Path

from provision.operations import keeping


def test_everything_is_as_it_was(tmp_path: Path) -> None:
    changed, removed, new = (tmp_path / name for name in ("changed", "removed", "new"))
    changed.write_text("before")
    changed.chmod(0o640)
    removed.write_text("here")
    kept = tmp_path / "kept"
    keeping.keep([changed, removed, new], kept)
    changed.write_text("after")
    changed.chmod(0o600)
    removed.unlink()
    new.write_text("made")
    keeping.put_back(kept)
    assert changed.read_text() == "before"
    assert changed.stat().st_mode & 0o777 == 0o640
    assert removed.read_text() == "here"
    assert not new.exists()


def test_putting_back_twice_is_putting_back_once(tmp_path: Path) -> None:
    path, kept = tmp_path / "file", tmp_path / "kept"
    path.write_text("before")
    keeping.keep([path], kept)
    path.write_text("after")
    keeping.put_back(kept)
    keeping.put_back(kept)
    assert path.read_text() == "before"


def test_what_is_kept_is_private_and_taken_anew(tmp_path: Path) -> None:
    path, kept = tmp_path / "file", tmp_path / "kept"
    path.write_text("a secret")
    path.chmod(0o644)
    keeping.keep([path], kept)
    keeping.keep([path], kept)
    assert kept.stat().st_mode & 0o777 == 0o700
    assert all(entry.stat().st_mode & 0o777 == 0o600 for entry in kept.iterdir())
