"""The prober's figures: beside blackbox_exporter, among black holes, and with ten thousand peers.

All on loopback, each party in a process of its own, CPU seconds from /proc.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from provision import places
from tests.bench.processes import cpu_seconds, peak_megabytes
from tests.bench.table import Figure
from tests.unit.monitoring.certificates import make_authority

NAME = "*.peers.lab.test"
PACKAGE = "prometheus-blackbox-exporter"
PEERS, ROUNDS, IN_FLIGHT = 2000, 3, 500
PAGES = ("/.well-known/nodeinfo", "/nodeinfo/2.1")
BLACKBOX = "blackbox_exporter, the same 2 GETs"


@dataclass(frozen=True)
class Bed:
    """Servers that are up: a good one, and a black hole."""

    directory: Path
    ca_file: str
    port: int
    hole_port: int

    def cycle(self, **counts: int) -> dict[str, Any]:
        """One cycle of a prober of its own over so many peers of each kind."""
        order = {
            "directory": str(self.directory),
            "ca_file": self.ca_file,
            "port": self.port,
            "hole_port": self.hole_port,
            **counts,
        }
        command = [sys.executable, "-P", "-m", "tests.bench.probing_child", json.dumps(order)]
        done = subprocess.run(
            command, cwd=places.CHECKOUT, stdout=subprocess.PIPE, text=True, check=True
        )
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["well"] == counts["good"], found
        return found


@contextlib.contextmanager
def bed(directory: Path) -> Iterator[Bed]:
    authority = make_authority(directory)
    authority.context(NAME)
    pair = [next(directory.glob(f"*.{kind}")) for kind in ("crt", "key")]
    command = [sys.executable, "-P", "-m", "tests.bench.peers_served", *map(str, pair)]
    with (
        _ended(subprocess.Popen(command, cwd=places.CHECKOUT, stdout=subprocess.PIPE)) as server,
        _black_hole() as hole_port,
    ):
        assert server.stdout is not None
        yield Bed(directory, authority.ca_file, int(server.stdout.readline()), hole_port)


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def _black_hole() -> Iterator[int]:
    """A listening socket with a full backlog: whoever connects hears nothing."""
    with socket.socket() as listening, contextlib.ExitStack() as fillers:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port: int = listening.getsockname()[1]
        for _ in range(4):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


def probes(directory: Path) -> list[Figure]:
    """Peers a core-second, turn by turn, so that a busy machine is busy for both."""
    with bed(directory) as peers, _blackbox(peers) as (blackbox, port):
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(peers.cycle(good=PEERS))
            before = cpu_seconds(blackbox.pid)
            asyncio.run(_ask_blackbox(port, peers.port))
            theirs.append(cpu_seconds(blackbox.pid) - before)
        memory = peak_megabytes(blackbox.pid)
    rate = ROUNDS * PEERS / sum(each["cpu"] for each in ours)
    their_rate = ROUNDS * PEERS / sum(theirs)
    peak = max(each["memory"] for each in ours)
    return [
        Figure("probes: times as many peers a core-second", rate / their_rate, 2.0,
               BLACKBOX, 1.0, unit="x", is_least=True),
        Figure("probes: peers a core-second", rate, None, BLACKBOX, their_rate, unit="peers"),
        Figure(f"probes: peak at {IN_FLIGHT} in flight", peak, 100.0, BLACKBOX, memory, unit="MB"),
    ]  # fmt: skip


def black_holes(directory: Path) -> list[Figure]:
    with bed(directory) as peers:
        found = peers.cycle(good=500, hole=500)
    what = "black-holes: a cycle of 1,000 peers, half of them black holes"
    return [Figure(what, found["wall"], 10.0)]


def ten_thousand(directory: Path) -> list[Figure]:
    with bed(directory) as peers:
        found = peers.cycle(good=8000, hole=1000, nowhere=1000)
    what = "ten-thousand: a cycle of 10,000 peers"
    mix = "8,000 well, 1,000 black holes, 1,000 without a name"
    return [
        Figure(what, found["wall"], 300.0, mix),
        Figure(f"{what}, CPU", found["cpu"], 300.0, mix),
        Figure(f"{what}, peak", found["memory"], 200.0, mix, unit="MB"),
    ]


@contextlib.contextmanager
def _blackbox(peers: Bed) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Debian's blackbox_exporter with the same trust, and the port it listens on."""
    program = shutil.which(PACKAGE)
    if program is None:
        raise SystemExit(f"bench probes: {PACKAGE} is not here. Run apt-get install {PACKAGE}.")
    config = peers.directory / "blackbox.yml"
    tls = {"ca_file": peers.ca_file, "server_name": NAME.replace("*", "good-1")}
    http = {"preferred_ip_protocol": "ip4", "fail_if_not_ssl": True, "tls_config": tls}
    # JSON is YAML.
    module = {"prober": "http", "timeout": "60s", "http": http}
    config.write_text(json.dumps({"modules": {"nodeinfo": module}}))
    port = _free_port()
    command = [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
               "--log.level=error"]  # fmt: skip
    print(f"probes: beside {shlex.join(command)}", file=sys.stderr, flush=True)
    with _ended(subprocess.Popen(command)) as process:
        asyncio.run(_until_up(port))
        yield process, port


def _free_port() -> int:
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        port: int = asking.getsockname()[1]
        return port


async def _until_up(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError):
                await _get(port, "/-/healthy")
                return
            await asyncio.sleep(0.1)


async def _ask_blackbox(port: int, peers_port: int) -> None:
    """The two GETs of each of so many peers, as many at once as we have in flight."""
    waiting = iter(range(PEERS))

    async def ask() -> None:
        for _ in waiting:
            for page in PAGES:
                target = quote(f"https://127.0.0.1:{peers_port}{page}", safe="")
                answer = await _get(port, f"/probe?module=nodeinfo&target={target}")
                assert b"\nprobe_success 1\n" in answer, answer[-500:]

    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(ask())


async def _get(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = await reader.read(-1)
    writer.close()
    return answer
