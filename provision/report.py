"""How long work tells what it is doing: steps, lines, warnings; showing them is not its affair.

A report may be told from several threads at once. Nothing here knows of terminals or colours.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

# Of what no line is made: an escape could colour a terminal, move its cursor, or name its window.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def harmless(text: str) -> str:
    """Words that may be a host's or a stranger's, as a terminal may be told them."""
    return _CONTROL.sub("", text)


class Report(Protocol):
    """What work on the lower floors is given to speak through."""

    def step(self, name: str, where: str = "") -> AbstractContextManager[None]:
        """A stretch of work, on `where` (a host, a pod): told when it starts, ends or fails."""

    def line(self, text: str) -> None:
        """Something worth reading once."""

    def warn(self, text: str) -> None:
        """Something the user should act upon, though the work goes on."""


class Silent:
    """A report that nobody reads: for callers who only want the result."""

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:
        yield

    def line(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        pass


class Lines:
    """Plain lines on a stream: what is shown where there is no terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._lock = threading.Lock()

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:
        label = f"{where}: {name}" if where else name
        started = time.monotonic()
        self.line(f"{label} ...")
        try:
            yield
        except BaseException:
            self.line(f"{label}: failed after {time.monotonic() - started:.1f} s")
            raise
        self.line(f"{label}: done in {time.monotonic() - started:.1f} s")

    def line(self, text: str) -> None:
        with self._lock:
            print(harmless(text), file=self._stream, flush=True)

    def warn(self, text: str) -> None:
        self.line(f"warning: {text}")
