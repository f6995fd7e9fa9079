"""Reads a log that grows and is rotated: each whole line once, also over a restart of the reader.

How far it came is told by an offset and by what the file began with: so a file that was cut to
nothing (copytruncate) or renamed is found to be another one, whatever its inode or its size, and
its predecessor, under whatever name, is read to its end first. Every read is bounded.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

# A line begins with its time: so many bytes are never the same in two files.
HEAD_BYTES = 512
# A line that is longer than a chunk is nobody's that we look for: it is skipped.
CHUNK_BYTES = 1 << 20
# The last line may have been begun only: the end of the one before is looked for so far back.
_LOOK_BACK = 1 << 16


@dataclass(frozen=True)
class Position:
    """Up to where a file was read; `head` is the digest of its first `known` bytes."""

    offset: int = 0
    known: int = 0
    head: str = ""
    # In the middle of a line that is too long.
    is_skipping: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "offset": self.offset, "known": self.known, "head": self.head,
            "is_skipping": self.is_skipping,
        }  # fmt: skip

    @classmethod
    def from_json(cls, told: Any) -> Position | None:
        """None for what is no position."""
        try:
            offset, known = int(told["offset"]), int(told["known"])
            if not 0 <= known <= min(offset, HEAD_BYTES):
                return None
            return cls(offset, known, str(told["head"]), bool(told["is_skipping"]))
        except (TypeError, KeyError, ValueError):
            return None


START = Position()


class Tail:
    """Goes on from a position; with none, from the end of what is there."""

    def __init__(self, path: Path, position: Position | None) -> None:
        self.path = path
        self.position = position

    def chunks(self, most_bytes: int) -> Iterator[bytes]:
        """Whole lines, some at once, so many bytes at most; what is left comes with the next call.

        `position` is behind a chunk as soon as it is given. Raises OSError where there is no log.
        """
        with _opened(self.path) as file:
            if self.position is None:
                self.position = _end_of(file)
            if not _is_of(file, self.position):
                yield from self._rest_of_before(most_bytes)
            if _is_of(file, self.position):
                yield from self._read(file, most_bytes)

    def _rest_of_before(self, most_bytes: int) -> Iterator[bytes]:
        """What the file before still had; then the new one's turn has come."""
        assert self.position is not None
        before = _find(self.path, self.position)
        if before is not None:
            with before:
                if not (yield from self._read(before, most_bytes)):
                    return
        self.position = START

    def _read(self, file: BinaryIO, most_bytes: int) -> Generator[bytes, None, bool]:
        """The lines that have their end; returns whether there are no more."""
        assert self.position is not None
        taken = 0
        while taken < most_bytes:
            file.seek(self.position.offset)
            chunk = file.read(CHUNK_BYTES)
            lines, self.position = _taken(file, chunk, self.position)
            taken += len(chunk)
            if lines:
                yield lines
            if len(chunk) < CHUNK_BYTES:
                return True
        return False


def _taken(file: BinaryIO, chunk: bytes, position: Position) -> tuple[bytes, Position]:
    """The whole lines of a chunk, and the position behind them."""
    end = chunk.rfind(b"\n") + 1
    if end == 0:
        if len(chunk) < CHUNK_BYTES:
            return b"", position
        return b"", _moved(file, replace(position, is_skipping=True), len(chunk))
    begin = chunk.find(b"\n") + 1 if position.is_skipping else 0
    return chunk[begin:end], _moved(file, replace(position, is_skipping=False), end)


def _moved(file: BinaryIO, position: Position, size: int) -> Position:
    offset = position.offset + size
    if position.known == HEAD_BYTES:
        return replace(position, offset=offset)
    known = min(offset, HEAD_BYTES)
    return replace(position, offset=offset, known=known, head=_head(file, known))


def _end_of(file: BinaryIO) -> Position:
    """Behind the last whole line."""
    size = _size(file)
    begin = max(0, size - _LOOK_BACK)
    file.seek(begin)
    end = file.read(size - begin).rfind(b"\n") + 1
    if end == 0 and begin > 0:
        return _moved(file, Position(is_skipping=True), size)
    return _moved(file, START, begin + end)


def _is_of(file: BinaryIO, position: Position) -> bool:
    """Whether this is the file that was read up to there."""
    if _size(file) < position.offset:
        return False
    return position.known == 0 or _head(file, position.known) == position.head


def _find(path: Path, position: Position) -> BinaryIO | None:
    """The file before, under its new name: `production.log.1`, `production.log.20261122`, …"""
    if position.known == 0:
        return None
    for other in sorted(path.parent.glob(f"{path.stem}*")):
        if other.name == path.name or other.suffix in (".gz", ".zst", ".xz"):
            continue
        try:
            file = _opened(other)
        except OSError:
            continue
        if _is_of(file, position):
            return file
        file.close()
    return None


def _opened(path: Path) -> BinaryIO:
    """A plain file, or OSError: the log is the pod's, and at a pipe in its place we would wait."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "no plain file", str(path))


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _head(file: BinaryIO, known: int) -> str:
    file.seek(0)
    return hashlib.sha256(file.read(known)).hexdigest()
