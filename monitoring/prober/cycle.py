"""The prober: all peers again and again, from this host, for as long as the process lives."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import replace
from pathlib import Path

from monitoring.board import Board, Histogram
from monitoring.metrics import PROBE_STAGE
from monitoring.peers import Peers
from monitoring.prober import told
from monitoring.prober.addresses import system_look_up
from monitoring.prober.limits import PEER
from monitoring.prober.looking import Asking
from monitoring.prober.names import LookUp, be_brief
from monitoring.prober.standing import Standing, Standings
from monitoring.prober.sweep import Sweep
from monitoring.state import write_state

SOURCE = "probe"
STATE = "peers"
STAGES = ("name", "connect", "tls", "discovery", "document")
# Fleets that were started together do not knock together.
_JITTER = (0.95, 1.05)
# How soon a peer that nobody has looked at yet is looked at.
NEWCOMER_SECONDS = 5.0
_log = logging.getLogger("podfleet.prober")


async def run(
    peers: Peers,
    board: Board,
    *,
    contact: str,
    allow_private: bool = False,
    ca_file: str | None = None,
    seconds: float = 300.0,
    max_peers: int = 10_000,
    state: Path | None = None,
    wake: asyncio.Event | None = None,
    look_up: LookUp = system_look_up,
) -> None:
    """Never returns. `wake` begins a cycle at once; `state` is the directory for peers.json."""
    be_brief()
    limits = replace(PEER, allow_private=allow_private)
    asking = Asking(contact, ca_file, limits)
    prober = Prober(peers, board, asking, max_peers=max_peers, state=state, look_up=look_up)
    wake = wake or asyncio.Event()
    due = time.monotonic()
    while True:
        wake.clear()
        lag = max(time.monotonic() - due, 0.0)
        due = time.monotonic() + seconds * random.uniform(*_JITTER)
        await prober.cycle(lag)
        while not await _is_woken(wake, min(due - time.monotonic(), NEWCOMER_SECONDS)):
            if time.monotonic() >= due:
                break
            await prober.meet_newcomers()


async def _is_woken(wake: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            return await wake.wait()
    except TimeoutError:
        return False


class Prober:
    """Cycles over what is known of the peers, and tells of it after each."""

    def __init__(
        self,
        peers: Peers,
        board: Board,
        asking: Asking,
        *,
        max_peers: int = 10_000,
        state: Path | None = None,
        look_up: LookUp = system_look_up,
    ) -> None:
        self._peers, self._board, self._state = peers, board, state
        self._standings = Standings(max_peers)
        self._histograms = {stage: Histogram(PROBE_STAGE) for stage in STAGES}
        self._sweep = Sweep(asking, self._observe, look_up)
        self._duration = self._lag = 0.0

    async def cycle(self, lag: float = 0.0) -> None:
        """Looks at every peer that is due."""
        started = time.monotonic()
        self._standings.meet(self._peers.all())
        await self._sweep.over(self._standings.due(started))
        self._duration, self._lag = time.monotonic() - started, lag
        await self._tell()

    async def meet_newcomers(self) -> None:
        """Looks at peers that became known since the cycle began."""
        self._standings.meet(self._peers.all())
        newcomers: list[Standing] = self._standings.newcomers()
        if newcomers:
            await self._sweep.over(newcomers)
            await self._tell()

    def _observe(self, stage: str, seconds: float) -> None:
        self._histograms[stage].observe(seconds)

    async def _tell(self) -> None:
        # In a thread: rendering ten thousand peers takes long enough for others to notice.
        await asyncio.to_thread(self._publish)

    def _publish(self) -> None:
        self._board.publish(
            SOURCE,
            told.samples(self._standings, self._duration, self._lag),
            histograms=[(each, (stage,)) for stage, each in self._histograms.items()],
            seconds=self._duration,
        )
        if self._state is not None:
            self._leave_word(self._state)

    def _leave_word(self, state: Path) -> None:
        try:
            write_state(state, STATE, told.state(self._standings, time.time()))
        except OSError as error:
            # A full disk is told by other means, which live in this process, too.
            _log.warning("could not leave word of the peers: %s", error)
