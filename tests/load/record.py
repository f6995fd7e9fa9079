"""What the log has of one request: a line of JSON each, written as soon as it has ended."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# One offset for the whole run: a wall clock that jumps does not move the requests.
_EPOCH = time.time() - time.monotonic()


def now() -> float:
    """Seconds since 1970, as this process counts them."""
    return _EPOCH + time.monotonic()


@dataclass(frozen=True)
class Record:
    """One request. `due` is when it should have begun: a client that waits has waited since."""

    kind: str
    method: str
    path: str
    due: float
    start: float
    end: float
    # 0: no answer at all; then `error` says why.
    status: int
    error: str | None = None
    # What a POST or an upload made, as the pod names it.
    guid: str | None = None
    # How long its body was on its way because the client let it trickle.
    spread_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """How long its user waited for the pod."""
        return self.end - self.due - self.spread_seconds

    @property
    def has_failed(self) -> bool:
        return self.error is not None or not 200 <= self.status < 400


class Log:
    """Appends records, from any thread."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._lock = threading.Lock()

    def add(self, record: Record) -> None:
        line = json.dumps(dataclasses.asdict(record)) + "\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()


def read(path: Path) -> list[Record]:
    """The log's whole lines, in the order of their ends."""
    return list(_records(path))


def _records(path: Path) -> Iterator[Record]:
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    for line in whole.splitlines():
        yield Record(**json.loads(line))
