"""Which line of a TOML file says what: tomllib reads values and forgets where they stood."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]


class Positions:
    """The line of each key of a TOML text that is known to parse."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        table: Path = ()
        for number, statement in _statements(text):
            if statement.lstrip().startswith("["):
                table = next(_paths(tomllib.loads(statement), leaves=True))
                self._note(table, number)
                continue
            for path in _paths(tomllib.loads(statement)):
                self._note(table + path, number)

    def line(self, path: Path) -> int:
        """The line of a key, or of the nearest table above it that the file has."""
        for length in range(len(path), 0, -1):
            if found := self._lines.get(path[:length]):
                return found
        return 1

    def _note(self, path: Path, number: int) -> None:
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], number)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header or assignment with its first line: the shortest run of lines that parses."""
    pending, first = "", 0
    # Not splitlines: a comment or a text may hold what only Unicode calls the end of a line.
    for number, line in enumerate(re.findall(r"[^\n]*\n|[^\n]+", text), start=1):
        if not pending and not line.partition("#")[0].strip():
            continue
        pending, first = pending + line, first if pending else number
        if _parses(pending):
            yield first, pending
            pending = ""


def _parses(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _paths(value: Any, *, leaves: bool = False, path: Path = ()) -> Iterator[Path]:
    if path and not (leaves and isinstance(value, dict) and value):
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, leaves=leaves, path=(*path, key))
