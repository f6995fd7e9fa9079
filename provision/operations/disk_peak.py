"""How much of a disk something takes at most while it runs, by looking at what is free meanwhile.

Whatever else writes there then counts as well: the answer is what the host has to have free.
"""

from __future__ import annotations

import threading
from pathlib import Path

from provision.operations.preflight import free_bytes

LOOK_SECONDS = 0.2


class DiskPeak:
    """`with DiskPeak(directory) as peak: ...`, then `peak.bytes`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> DiskPeak:
        self._before = self._least = free_bytes(self._directory)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def bytes(self) -> int:
        return self._before - self._least

    def _look(self) -> None:
        while True:
            is_done = self._done.wait(LOOK_SECONDS)
            self._least = min(self._least, free_bytes(self._directory))
            if is_done:
                return
