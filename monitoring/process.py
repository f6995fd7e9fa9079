"""The one process that watches on a host: which parts run there, and how they end.

Exporter and prober wherever there are pods; on the host that watches the fleet also the look from
outside and the canaries. All of them publish on one board; a scrape sends what stands on it. A part
that fails takes the process with it: systemd starts it anew, and says so.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import uvloop

from monitoring.board import Board
from monitoring.config import CONFIG, TOKENS, MonitorConfig, NamedPod, load_config
from monitoring.metrics import MONITOR_INFO
from monitoring.peers import Peer, Peers
from monitoring.pod.authority import peer_of
from monitoring.pod.places import PodPlace
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.target import parse_target
from monitoring.serving import serve
from monitoring.state import DIRECTORY

_log = logging.getLogger("podfleet.monitor")
EXPORTER_SECONDS = 30.0
Part = Coroutine[Any, Any, None]


def main() -> int:
    """Runs until it is told to end; 1 where its settings are not what podfleet writes."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    try:
        config = load_config(CONFIG)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{CONFIG}: {error}. Run podfleet up.", file=sys.stderr)
        return 1
    uvloop.run(watch(config))
    return 0


async def watch(config: MonitorConfig, *, state: Path = DIRECTORY, tokens: Path = TOKENS) -> None:
    """Everything that this host shall watch, until SIGTERM or the first part that fails."""
    board = Board()
    board.publish("monitor", [(MONITOR_INFO, (_version(),), 1.0)])
    server = serve(board, config.address, config.port)
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [*map(tasks.create_task, parts(config, board, state, tokens))]
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, _end, running)
    finally:
        server.shutdown()


def parts(config: MonitorConfig, board: Board, state: Path, tokens: Path) -> Iterator[Part]:
    """The parts that this host's settings ask for. Imported here: a host pays for what it runs."""
    peers = Peers(list(_given(config.peers)))
    if config.pods:
        from monitoring.pod.exporter import run as export

        yield export([*map(_place, config.pods)], board, peers, seconds=EXPORTER_SECONDS)
    if config.pods or config.peers:
        yield _probing(config, board, peers, state)
    if config.fleet:
        yield from _watching(config, board, state, tokens)
    # A host without pods is watched, too: what nobody asks anything of still answers a scrape.
    yield _for_ever()


async def _for_ever() -> None:
    await asyncio.Event().wait()


def _probing(config: MonitorConfig, board: Board, peers: Peers, state: Path) -> Part:
    from monitoring.prober.cycle import run as probe

    return probe(
        peers,
        board,
        contact=config.contact,
        allow_private=config.allow_private,
        ca_file=config.ca_file,
        seconds=config.peer_seconds,
        max_peers=config.max_peers,
        state=state,
        wake=None,
    )


def _watching(config: MonitorConfig, board: Board, state: Path, tokens: Path) -> Iterator[Part]:
    from monitoring.canary.schedule import run as fly
    from monitoring.canary.tokens import TokenFile
    from monitoring.outside.watching import OwnPod
    from monitoring.outside.watching import run as look

    turned_red = asyncio.Event()
    yield look(
        [OwnPod(pod.name, pod.domain) for pod in config.fleet],
        board,
        contact=config.contact,
        ca_file=config.ca_file,
        seconds=config.own_seconds,
        state=state,
        wake=turned_red,
    )
    pods = TokenFile(tokens, ca_file=config.ca_file, contact=config.contact)
    logs = {place.name: place.production_log for place in map(_place, config.pods)}
    yield fly(pods, board, seconds=config.canary_seconds, state=state, wake=turned_red, logs=logs)


def _place(pod: NamedPod) -> PodPlace:
    return PodPlace(pod.name, pod.domain)


def _given(urls: tuple[str, ...]) -> Iterator[Peer]:
    """Servers that the fleet file names; one that is no address is said once, and left out."""
    for url in urls:
        try:
            target = parse_target(url)
        except ProbeFailed as failed:
            _log.warning("%s: %s", url, failed)
            continue
        yield peer_of(target.host, target.port, target.is_tls)


def _end(running: list[asyncio.Task[None]]) -> None:
    for task in running:
        task.cancel()


def _version() -> str:
    """That of the runtime that this code lies in: /opt/podfleet/<version>/monitoring/…"""
    return Path(__file__).resolve().parent.parent.name
