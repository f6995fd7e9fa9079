"""A log that grows, is cut to nothing, renamed, missing or garbage: each whole line once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from monitoring.pod import log_tail
from monitoring.pod.log_tail import START, Position, Tail

MOST = 1 << 24


class Log:
    """Lines in the order in which they are written; what a tail gave of them."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "production.log"
        self.numbers: Iterator[int] = count()
        self.written: list[bytes] = []

    def write(self, lines: int = 3, width: int = 200) -> None:
        with self.path.open("ab") as file:
            for _ in range(lines):
                line = f"[{next(self.numbers):010d}]".encode().ljust(width, b".") + b"\n"
                self.written.append(line)
                file.write(line)

    def copied_and_cut(self, name: str = "production.log.1") -> None:
        """What logrotate's copytruncate does."""
        shutil.copyfile(self.path, self.path.with_name(name))
        with self.path.open("r+b") as file:
            file.truncate(0)

    def renamed(self, name: str = "production.log.20261122") -> None:
        self.path.rename(self.path.with_name(name))


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def taken(tail: Tail, most: int = MOST) -> list[bytes]:
    return b"".join(tail.chunks(most)).splitlines(keepends=True)


def again(tail: Tail) -> Tail:
    """The reader was restarted: all it has is what it kept."""
    assert tail.position is not None
    return Tail(tail.path, Position.from_json(tail.position.to_json()))


def test_the_first_start_begins_at_the_end_and_nothing_is_lost_after_it(log: Log) -> None:
    log.write()
    tail = Tail(log.path, None)
    assert taken(tail) == []
    log.write()
    assert taken(tail) == log.written[3:]
    assert taken(tail) == []


def test_a_line_that_is_written_half_comes_whole(log: Log) -> None:
    tail = Tail(log.path, START)
    with log.path.open("ab", buffering=0) as file:
        file.write(b"one\ntw")
        assert taken(tail) == [b"one\n"]
        assert taken(again(tail)) == []
        file.write(b"o\n")
        assert taken(again(tail)) == [b"two\n"]
    # Also the one that was half there at the first start.
    log.path.write_bytes(b"one\ntw")
    tail = Tail(log.path, None)
    assert taken(tail) == []
    log.path.write_bytes(b"one\ntwo\n")
    assert taken(tail) == [b"two\n"]


@pytest.mark.parametrize("lines", [1, 3, 50])
@pytest.mark.parametrize("after", [0, 1, 3, 200])
@pytest.mark.parametrize("how", ["copied_and_cut", "renamed"])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_rotation_loses_and_repeats_nothing(
    log: Log, how: str, lines: int, after: int, is_restarted: bool
) -> None:
    """Whatever was written before it, unread, and after it: also more than was there before."""
    log.write(lines)
    tail = Tail(log.path, START)
    seen = taken(tail)
    log.write(2)
    getattr(log, how)()
    if after:
        log.write(after)
    tail = again(tail) if is_restarted else tail
    if how == "renamed" and not after:
        with pytest.raises(FileNotFoundError):
            taken(tail)
        log.write(1)
    seen += taken(tail)
    log.write(1)
    seen += taken(tail)
    assert seen == log.written


def test_two_rotations_while_nobody_read_cost_what_lay_between(log: Log) -> None:
    log.write()
    tail = Tail(log.path, START)
    seen = taken(tail)
    log.write(2)
    log.copied_and_cut("production.log.2")
    log.write(2)
    log.copied_and_cut("production.log.1")
    log.write(2)
    seen += taken(tail)
    assert seen == log.written[:5] + log.written[7:]


def test_a_predecessor_that_is_packed_already_is_left(log: Log) -> None:
    log.write()
    tail = Tail(log.path, START)
    taken(tail)
    log.renamed("production.log.1.gz")
    log.write()
    assert taken(tail) == log.written[3:]


def test_a_flood_is_read_bit_by_bit_also_through_a_rotation(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_tail, "CHUNK_BYTES", 1000)
    log.write(100)
    tail, seen = Tail(log.path, START), []
    for _ in range(3):
        got = taken(tail, most=2000)
        assert 0 < sum(map(len, got)) <= 3000
        seen += got
    log.copied_and_cut()
    log.write(100)
    for _ in range(100):
        tail = again(tail)
        seen += taken(tail, most=2000)
    assert seen == log.written


def test_a_line_without_end_is_skipped_and_the_next_one_is_not(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_tail, "CHUNK_BYTES", 1000)
    tail = Tail(log.path, START)
    log.path.write_bytes(b"x" * 5500)
    assert taken(tail) == []
    assert taken(again(tail)) == []
    with log.path.open("ab") as file:
        file.write(b"x" * 700 + b"\none\n")
    assert taken(again(tail)) == [b"one\n"]


def test_a_hole_that_a_rotation_left_is_no_line(log: Log) -> None:
    """Who writes on at the old offset of a file that was cut leaves zeros before it."""
    log.write()
    tail = Tail(log.path, START)
    seen = taken(tail)
    end = log.path.stat().st_size
    with log.path.open("r+b") as file:
        file.truncate(0)
        file.seek(end + (3 << 20))
        file.write(b"\nline\n")
    seen += taken(tail)
    assert seen[:3] == log.written
    assert seen[-1] == b"line\n"


@pytest.mark.parametrize(
    "told",
    [None, {}, [], {"offset": -1, "known": 0, "head": "", "is_skipping": False},
     {"offset": 5, "known": 600, "head": "", "is_skipping": False},
     {"offset": "x", "known": 0, "head": "", "is_skipping": False}],
)  # fmt: skip
def test_what_is_no_position_is_none(told: object) -> None:
    assert Position.from_json(told) is None


def test_a_pipe_in_the_place_of_a_log_is_no_log_and_nobody_waits_at_it(log: Log) -> None:
    log.write()
    tail = Tail(log.path, None)
    assert taken(tail) == []
    log.path.unlink()
    os.mkfifo(log.path)
    os.mkfifo(log.path.with_name("production.log.1"))
    with pytest.raises(OSError, match="no plain file"):
        taken(again(tail))
    log.path.unlink()
    log.write(1)
    assert taken(again(tail)) == log.written[-1:]
