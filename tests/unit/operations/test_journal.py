"""The journal: what a cut tears off its end never happened; the rest stays."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from provision.operations.journal import Journal, progress, sync_filesystems

TORN = [
    b'{"format": 1, "event": "done", "step": "a"',
    b"\0" * 4096,
    b'{"event": "done"}',
    b"\xff\xfe not json\n",
    b"[1, 2]\n",
]


@pytest.mark.parametrize("torn", TORN)
def test_a_torn_end_is_no_line_and_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    journal = Journal(tmp_path, "op")
    journal.write("start", "a")
    whole = journal.path.read_bytes()
    with journal.path.open("ab") as file:
        file.write(torn)
    assert [line["event"] for line in journal.lines()] == ["start"]
    journal.mend()
    assert journal.path.read_bytes() == whole
    journal.write("done", "a")
    assert [line["event"] for line in journal.lines()] == ["start", "done"]


def test_a_line_says_what_its_format_promises(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "20260101T000000000-launch")
    line = journal.write("done", "unpack", seconds=1.5, evidence={"umlaut": "ö\n"})
    assert set(line) == {"format", "at", "operation", "step", "event", "seconds", "evidence"}
    assert line["at"].endswith("+00:00")
    assert journal.lines() == [line]


def test_on_a_full_disk_the_last_words_still_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes half of a line, and has no room until the ballast is gone."""
    journal = Journal(tmp_path, "op")
    journal.write("start", "unpack")
    journal.load_ballast()
    write, ballast = os.write, tmp_path / "ballast"

    def half(descriptor: int, content: bytes) -> int:
        return write(descriptor, content[:10] if ballast.exists() else content)

    monkeypatch.setattr(os, "write", half)
    journal.write("failed", "unpack", text="the disk is full")
    assert [line["event"] for line in journal.lines()] == ["start", "failed"]
    assert not ballast.exists()


def test_an_operation_goes_on_where_the_disk_has_no_room_for_ballast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it takes back may be what filled the disk."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("provision.operations.journal.write_atomically", full)
    Journal(tmp_path, "op").load_ballast()


def test_only_root_reads_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "op")
    journal.write("begin")
    assert journal.path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_known_of_a_journal_that_is_not_there(tmp_path: Path) -> None:
    state = progress(Journal(tmp_path, "op").lines())
    assert state.begun is None
    assert state.current is None
    assert state.verdict is None


def test_filesystems_are_synced_through_the_nearest_directory_there_is(tmp_path: Path) -> None:
    sync_filesystems([tmp_path / "not" / "there", tmp_path])
