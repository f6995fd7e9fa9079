"""When the sender handed a post over, as its log says while the post flies.

Lines count from the moment they are seen, by one monotonic clock: the log's own times have neither
fractions nor a time zone. Only pods of this host have a log that can be read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from monitoring.canary.flights import Flight
from monitoring.canary.pods import CanaryPod

_POLL_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5
_CHUNK_BYTES = 1 << 20
_DELIVERED = re.compile(rb"success=true .*?obj=[^ :]+:(?P<guid>\S+) url=(?P<url>\S+) ")


class SenderLog:
    """What is appended to a log from now on, also past its rotation."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode, self._offset = self._end()
        self._begun = b""

    def _end(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_ino, found.st_size

    def new_lines(self) -> list[bytes]:
        """Whole lines since the last call."""
        inode, size = self._end()
        if (inode, size) == (self._inode, self._offset):
            return []
        if inode != self._inode or size < self._offset:
            self._inode, self._offset, self._begun = inode, 0, b""
        with contextlib.suppress(OSError), self._path.open("rb") as log:
            log.seek(self._offset)
            read = log.read(_CHUNK_BYTES)
            self._offset += len(read)
            *lines, self._begun = (self._begun + read).split(b"\n")
            return lines
        return []


class Deliveries:
    """To whom one post was handed over, and when; without a log, nothing is known."""

    def __init__(self, log: SenderLog | None) -> None:
        self._log = log
        self._task: asyncio.Task[None] | None = None
        self._seconds: dict[str, float] = {}

    def begin(self, guid: str) -> None:
        """Follows the post that was written just now."""
        if self._log is not None:
            self._task = asyncio.create_task(self._follow(self._log, guid.encode()))

    async def _follow(self, log: SenderLog, guid: bytes) -> None:
        posted, pause = time.monotonic(), _POLL_SECONDS
        while True:
            for line in log.new_lines():
                found = _DELIVERED.search(line)
                if found is not None and found["guid"] == guid:
                    url = found["url"].decode("ascii", "replace")
                    self._seconds.setdefault(_host(url), time.monotonic() - posted)
            await asyncio.sleep(pause)
            pause = min(pause * 1.1, _LONGEST_PAUSE_SECONDS)

    def split(self, flight: Flight, receiver: CanaryPod) -> Flight:
        """The flight with its stages, where it arrived and the log told of the hand-over."""
        seconds = self._seconds.get(receiver.domain)
        if seconds is None or flight.arrival_seconds is None:
            return flight
        return replace(flight, delivery_seconds=round(min(seconds, flight.arrival_seconds), 3))

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()


@contextlib.asynccontextmanager
async def followed(path: Path | None) -> AsyncIterator[Deliveries]:
    """Remembers where the log ends before there is a post, as a quick delivery is logged first."""
    readable = path is not None and os.access(path, os.R_OK)
    deliveries = Deliveries(SenderLog(path) if path is not None and readable else None)
    try:
        yield deliveries
    finally:
        deliveries.end()


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
