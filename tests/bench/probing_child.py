"""One prober in a process of its own, so that its time and its memory are its alone.

`python -m tests.bench.probing_child ORDER` (JSON) runs cycles and prints what they took as JSON.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from monitoring.board import Board
from monitoring.peers import Peer, Peers
from monitoring.prober.cycle import Prober
from monitoring.prober.limits import PEER
from monitoring.prober.looking import Asking
from tests.bench.processes import cpu_seconds, peak_megabytes


def look_up(host: str, port: int) -> list[str]:
    """Names in threads, as ever, but without name servers: those are not what is measured."""
    if host.startswith("nowhere"):
        raise socket.gaierror(socket.EAI_NONAME, host)
    return ["127.0.0.1"]


def peers(order: Mapping[str, Any]) -> Peers:
    """The black holes first, for they are the heaviest: the worst order there is."""
    known = [("hole", order["hole_port"], 2), ("nowhere", 443, 1), ("good", order["port"], 0)]
    return Peers(
        [
            Peer(f"{kind}-{number}.peers.lab.test", port, contacts=weight)
            for kind, port, weight in known
            for number in range(order.get(kind, 0))
        ]
    )


async def probe(order: Mapping[str, Any]) -> None:
    directory = Path(order["directory"])
    asking = Asking("bench@example.org", order["ca_file"], replace(PEER, allow_private=True))
    board = Board()
    prober = Prober(peers(order), board, asking, state=directory, look_up=look_up)
    started, before = time.monotonic(), cpu_seconds(os.getpid())
    await prober.cycle()
    wall, cpu = time.monotonic() - started, cpu_seconds(os.getpid()) - before
    told = json.loads((directory / "peers.json").read_text())["peers"]
    well = sum(each["reason"] is None for each in told)
    memory = peak_megabytes(os.getpid())
    print(json.dumps({"wall": wall, "cpu": cpu, "well": well, "memory": memory}))


if __name__ == "__main__":
    uvloop.run(probe(json.loads(sys.argv[1])))
