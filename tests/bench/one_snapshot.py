"""Reads the database and the Redis of one pod as the exporter does, in a process of its own.

`python -m tests.bench.one_snapshot ROOT TIMES` prints JSON: the seconds of each snapshot, the
slowest scrape meanwhile, samples and peak memory.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from monitoring.board import Board
from monitoring.peers import Peers
from monitoring.pod.exporter import Reader, read_once
from monitoring.pod.places import PodPlace
from monitoring.pod.sources import SOURCES
from monitoring.serving import serve


def main(root: Path, times: int) -> dict[str, object]:
    place = PodPlace("alpha", "alpha.example.org", root)
    board, peers = Board(), Peers()
    server = serve(board, "127.0.0.1", 0)
    readers = [
        Reader(place, source, source.begin())
        for source in SOURCES
        if source.name in ("database", "redis")
    ]
    seconds: list[float] = []
    # A process without a request of its own shows what the exporter alone costs.
    asyncio.run(_read(readers, board, peers, seconds))
    peak = _peak_mb()
    scraping = _Scraping(server.server_port)
    scraping.start()
    for _ in range(times - 1):
        asyncio.run(_read(readers, board, peers, seconds))
    scraping.is_over.set()
    scraping.join()
    lines = board.text().splitlines()
    return {
        "seconds": seconds,
        "peak_mb": peak,
        "slowest_scrape": max(scraping.seconds),
        "samples": sum(not line.startswith(b"#") for line in lines),
        "peers": len(peers.all()),
        "failed": [line.decode() for line in lines if line.startswith(b"podfleet_source_up")
                   and not line.endswith(b" 1")],
    }  # fmt: skip


async def _read(
    readers: Sequence[Reader], board: Board, peers: Peers, seconds: list[float]
) -> None:
    began = time.monotonic()
    await asyncio.gather(*(read_once(reader, board, peers) for reader in readers))
    seconds.append(time.monotonic() - began)


class _Scraping(threading.Thread):
    """Scrapes ten times a second."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._url = f"http://127.0.0.1:{port}/metrics"
        self.is_over = threading.Event()
        self.seconds: list[float] = []

    def run(self) -> None:
        while not self.is_over.wait(0.1):
            began = time.monotonic()
            with urllib.request.urlopen(self._url) as answer:
                answer.read()
            self.seconds.append(time.monotonic() - began)


def _peak_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel does not say how much memory was held")


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
