"""When the monitor's canary flies: between all pods again and again, and at once on a red probe.

A pod gets less than one request a second on average: with many pods, or while posts are waited for
in vain, the rounds come further apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitoring.board import Board
from monitoring.canary.api import CanaryApi
from monitoring.canary.flights import Patience
from monitoring.canary.flying import fly_as, sweep_or_say
from monitoring.canary.pods import CanaryPod
from monitoring.canary.records import Records
from monitoring.canary.tokens import NoTokens
from monitoring.reasons import Reason
from monitoring.state import read_state, write_state

SOURCE = "canary"
STATE = "canary"
LEAST_SECONDS = 60.0
# What looks at the pods from outside has the rest of the one request a second.
REQUESTS_A_SECOND = 0.75
SWEEP_SECONDS = 900.0
# How soon a changed file of tokens is noticed.
_GLANCE_SECONDS = 5.0
_JITTER = 0.1
_MOST_IN_FLIGHT = 400
# Whoever looks shall learn within two minutes who does not reach a pod that is cut off.
PATIENCE = Patience(first_poll=0.1, longest_poll=5.0, silent_after=20.0)
_log = logging.getLogger("podfleet.canary")

Pods = Callable[[], Sequence[CanaryPod]]


async def run(
    pods: Pods,
    board: Board,
    *,
    seconds: float,
    state: Path | None,
    wake: asyncio.Event,
    logs: Mapping[str, Path] | None = None,
    patience: Patience = PATIENCE,
    least_seconds: float = LEAST_SECONDS,
) -> None:
    """Flies until it is cancelled. `logs`: the production.log of each pod that is on this host."""
    rounds = _Rounds(pods, board, seconds, state, wake, logs or {}, patience, least_seconds)
    try:
        await rounds.run()
    finally:
        rounds.hang_up()


@dataclass
class _Account:
    """A pod's canary account and its access token, kept from round to round."""

    api: CanaryApi
    sweep_at: float = 0.0


@dataclass
class _Rounds:
    """What `run` was told, and what is kept from round to round."""

    pods: Pods
    board: Board
    seconds: float
    state: Path | None
    wake: asyncio.Event
    logs: Mapping[str, Path]
    patience: Patience
    least_seconds: float

    def __post_init__(self) -> None:
        self._records = Records()
        self._accounts: dict[str, _Account] = {}
        self._complaint = ""
        self._began = time.monotonic()
        self._gap = self.least_seconds

    async def run(self) -> None:
        if self.state is not None:
            self._records.restore(read_state(self.state, STATE))
        await asyncio.sleep(random.uniform(0, self.seconds * _JITTER / 10))
        while True:
            pods, self._began = self._known(), time.monotonic()
            self.wake.clear()
            if pods is not None:
                await self._round(pods)
            await self._wait(pods)

    def hang_up(self) -> None:
        for account in self._accounts.values():
            account.api.hang_up()

    def _known(self) -> tuple[CanaryPod, ...] | None:
        """The pods to fly between; None, and the source is down, where nobody says which."""
        try:
            pods = tuple(self.pods())
        except NoTokens as error:
            if self._complaint != str(error):
                _log.warning("no canary flies: %s", error)
            self._complaint = str(error)
            self.board.fail(SOURCE)
            return None
        self._complaint = ""
        return pods

    async def _wait(self, flown: tuple[CanaryPod, ...] | None) -> None:
        """Until the next round is due: by time, a red probe, or other pods; but for the gap."""
        soonest = self._began + self._gap
        pause = max(self.seconds, self._gap) * random.uniform(1 - _JITTER, 1 + _JITTER)
        due = max(self._began + pause, soonest)
        while (left := due - time.monotonic()) > 0:
            if await self._is_woken(min(left, _GLANCE_SECONDS)):
                self.wake.clear()
                due = soonest
            elif self._known() != flown:
                due = soonest if flown else 0.0

    async def _is_woken(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self.wake.wait()
        return False

    async def _round(self, pods: Sequence[CanaryPod]) -> None:
        spent: Counter[str] = Counter()
        self._keep(pods, spent)
        turn = asyncio.Semaphore(max(self._most_senders(len(pods)), 1))

        async def fly_in_turn(sender: CanaryPod) -> None:
            async with turn:
                await self._fly(sender, [pod for pod in pods if pod is not sender])
            await self._publish()

        senders = [pod for pod in pods if pod.token is not None and len(pods) > 1]
        random.shuffle(senders)
        # Whoever ends the round waits until each sender has taken its post back.
        async with asyncio.TaskGroup() as flying:
            for sender in senders:
                flying.create_task(fly_in_turn(sender))
        await self._publish()
        self._gap = max(self.least_seconds, max(spent.values(), default=0) / REQUESTS_A_SECOND)
        await self._leave_word()

    def _most_senders(self, pods: int) -> int:
        """As many as it takes to be through in time, though each waits for a lost post."""
        patient = self.patience.lost_after + self.patience.retraction
        wanted = max(self.patience.senders, math.ceil(pods * patient / self.seconds))
        return min(wanted, _MOST_IN_FLIGHT // max(pods, 1))

    def _keep(self, pods: Sequence[CanaryPod], spent: Counter[str]) -> None:
        """Accounts of pods that are the same; the others' are made anew, or let go."""
        before = self._accounts
        self._accounts = {}
        for pod in pods:
            kept = before.pop(pod.name, None)
            is_same = kept is not None and kept.api.pod == pod
            account = kept if kept is not None and is_same else _Account(CanaryApi(pod))
            account.api.spent = spent
            self._accounts[pod.name] = account
        self._records.keep(self._accounts)

    async def _fly(self, sender: CanaryPod, receivers: Sequence[CanaryPod]) -> None:
        account = self._accounts[sender.name]
        try:
            if time.monotonic() >= account.sweep_at:
                account.sweep_at = time.monotonic() + SWEEP_SECONDS
                await sweep_or_say(account.api, self.patience.leftover_age)
            log = self.logs.get(sender.name)
            flights = await fly_as(account.api, receivers, self.patience, log)
        finally:
            # Kept open until the next round, the pod would have closed it under us.
            account.api.hang_up()
        self._records.learn(flights)
        if any(flight.reason is Reason.RETRACTION_REJECTED for flight in flights):
            account.sweep_at = 0.0

    async def _publish(self) -> None:
        """In a thread: rendering hundreds of pairs takes long enough to be measured as arrival."""
        await asyncio.to_thread(
            self.board.publish,
            SOURCE,
            list(self._records.samples()),
            histograms=self._records.histograms(),
            seconds=time.monotonic() - self._began,
        )

    async def _leave_word(self) -> None:
        if self.state is not None:
            try:
                await asyncio.to_thread(self._write, self.state)
            except OSError as error:
                # A full disk is told by other means; the canary's numbers are on the board.
                _log.warning("could not leave word of the canary: %s", error)

    def _write(self, state: Path) -> None:
        """Between two rounds: nothing else touches the records."""
        interval = max(self.seconds, self._gap)
        told = {**self._records.to_json(), "at": time.time(), "interval_seconds": interval}
        write_state(state, STATE, told)
