"""An operation's journal: one JSON line per event, each on the disk before the next thing happens.

The journal is the operation's memory. After a cut, what it says is all that is known; a last line
that the cut tore is no line. Format 1 of a line:

    {"format", "at", "operation", "step", "event", "text", "seconds", "evidence", "exit"}

with events begin, start, done, failed, undo, undone, note and verdict (which carries "exit").
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provision.writing import sync_directory, write_atomically

FORMAT = 1
FILE_NAME = "journal.jsonl"
BALLAST, BALLAST_BYTES = "ballast", 256 * 1024
Line = dict[str, Any]


class Journal:
    """Appends to one operation's journal; `follow_up` reads what an earlier run left."""

    def __init__(self, directory: Path, operation: str) -> None:
        self.path = directory / FILE_NAME
        self.operation = operation

    def lines(self) -> list[Line]:
        """Every whole line so far."""
        return list(_whole_lines(self.path))

    def mend(self) -> None:
        """Cuts off a line that a power cut tore, so that the next one stands by itself."""
        if not self.path.exists():
            return
        with self.path.open("r+b") as file:
            file.truncate(sum(len(raw) for raw in whole(file.read())))
            os.fsync(file.fileno())

    def write(self, event: str, step: str | None = None, **more: Any) -> Line:
        """Appends one line and returns when it is on the disk."""
        line: Line = {
            "format": FORMAT,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "operation": self.operation,
            "step": step,
            "event": event,
            **more,
        }
        content = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        try:
            self._append(content)
        except OSError as error:
            if error.errno != errno.ENOSPC or not self._ballast.exists():
                raise
            # Half a line may have fitted in.
            self._ballast.unlink()
            self.mend()
            self._append(content)
        return line

    def _append(self, content: bytes) -> None:
        is_new = not self.path.exists()
        opened = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if os.write(opened, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            os.fsync(opened)
        finally:
            os.close(opened)
        if is_new:
            sync_directory(self.path.parent)

    @property
    def _ballast(self) -> Path:
        return self.path.with_name(BALLAST)

    def load_ballast(self) -> None:
        """Room that is given up when the disk is full: what then failed can still be written."""
        if self._ballast.exists():
            return
        try:
            write_atomically(self._ballast, os.urandom(BALLAST_BYTES), mode=0o600)
        except OSError as error:
            # Full already: an operation that goes on, perhaps back, is what makes room.
            if error.errno != errno.ENOSPC:
                raise

    def drop_ballast(self) -> None:
        self._ballast.unlink(missing_ok=True)


@dataclass
class Progress:
    """How far an operation got, read from its journal."""

    # What each step found before it first touched anything.
    before: dict[str, Any] = field(default_factory=dict)
    done: dict[str, Any] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    failed: str | None = None
    failure: str = ""
    undone: set[str] = field(default_factory=set)
    verdict: Line | None = None
    begun: str | None = None

    @property
    def is_turned(self) -> bool:
        """Whether a step failed: then the way leads back."""
        return self.failed is not None

    @property
    def current(self) -> str | None:
        """The step that was begun last."""
        return self.started[-1] if self.started else None


def progress(lines: Iterable[Line]) -> Progress:
    """Folds the lines of a journal."""
    state = Progress()
    for line in lines:
        _FOLD.get(line["event"], _ignore)(state, line)
    return state


def _on_start(state: Progress, line: Line) -> None:
    step = line["step"]
    # A resumed step is started again; what was there before it is what its first start saw.
    if step not in state.before:
        state.before[step] = line.get("evidence") or {}
        state.started.append(step)


def _on_done(state: Progress, line: Line) -> None:
    state.done[line["step"]] = line.get("evidence") or {}


def _on_failed(state: Progress, line: Line) -> None:
    state.failed, state.failure = line["step"], line.get("text", "")


def _on_undone(state: Progress, line: Line) -> None:
    state.undone.add(line["step"])


def _on_verdict(state: Progress, line: Line) -> None:
    state.verdict = line


def _on_begin(state: Progress, line: Line) -> None:
    state.begun = state.begun or line["at"]


def _ignore(state: Progress, line: Line) -> None:
    """Notes and begun undos decide nothing."""


_FOLD = {
    "begin": _on_begin,
    "start": _on_start,
    "done": _on_done,
    "failed": _on_failed,
    "undone": _on_undone,
    "verdict": _on_verdict,
}


def whole(content: bytes) -> Iterator[bytes]:
    """The raw lines up to the first one that is torn."""
    for raw in content.splitlines(keepends=True):
        if not raw.endswith(b"\n") or not _is_json(raw):
            return
        yield raw


def _whole_lines(path: Path) -> Iterator[Line]:
    if path.exists():
        for raw in whole(path.read_bytes()):
            yield json.loads(raw)


def _is_json(raw: bytes) -> bool:
    try:
        return isinstance(json.loads(raw), dict)
    except ValueError:
        return False


def sync_filesystems(paths: Iterable[Path]) -> None:
    """syncfs of every filesystem that these paths are on (the nearest that exists of each)."""
    libc = ctypes.CDLL(None, use_errno=True)
    seen: set[int] = set()
    for path in map(_nearest, paths):
        device = path.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        opened = os.open(path, os.O_RDONLY)
        try:
            if libc.syncfs(opened) != 0:
                error = ctypes.get_errno()
                raise OSError(error, os.strerror(error), str(path))
        finally:
            os.close(opened)


def _nearest(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
