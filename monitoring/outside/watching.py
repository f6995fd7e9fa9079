"""All pods of the fleet from outside, each every half a minute, and a word when one turns red."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monitoring import metrics
from monitoring.board import Board, Sample
from monitoring.outside.families import by_family, first_expiry, is_reachable
from monitoring.outside.looking import Look, OwnPod, look
from monitoring.reasons import words
from monitoring.state import write_state

SOURCE = "outside"
STATE = "outside"
FORMAT = 1
_JITTER = 0.1
# A pod that cannot be used is looked at again so soon, whatever the interval: PodDown waits for a
# second look, and one that is back is seen to be.
AGAIN_SECONDS = 15.0
_AT_ONCE = 16
# The first looks are spread over this long, so that a large fleet is not looked at in one moment.
_SPREAD_SECONDS = 5.0
_WRITE_SECONDS = 1.0
_log = logging.getLogger("podfleet.outside")

__all__ = ["OwnPod", "run"]


async def run(
    pods: Sequence[OwnPod],
    board: Board,
    *,
    contact: str,
    ca_file: str | None,
    seconds: float,
    state: Path | None,
    wake: asyncio.Event,
) -> None:
    """Never returns. Sets `wake` whenever a pod that was well is so no more."""
    watch = _Watch(board, contact, ca_file, seconds, wake)
    async with asyncio.TaskGroup() as tasks:
        for pod in pods:
            tasks.create_task(watch.over(pod))
        if state is not None:
            tasks.create_task(watch.leave_word(state))
        # Without a pod, too, this part goes on.
        await asyncio.Event().wait()


@dataclass
class _Watch:
    board: Board
    contact: str
    ca_file: str | None
    seconds: float
    wake: asyncio.Event
    _looks: dict[str, Look] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._is_new = asyncio.Event()

    async def over(self, pod: OwnPod) -> None:
        """One pod, for ever; a look that takes long delays the next one of this pod alone."""
        await asyncio.sleep(random.uniform(0, min(_SPREAD_SECONDS, self.seconds / 6)))
        while True:
            began = time.monotonic()
            async with self._turn:
                found = await look(pod, contact=self.contact, ca_file=self.ca_file)
            self._learn(found)
            period = self.seconds if found.is_usable else min(self.seconds, AGAIN_SECONDS)
            pause = period * random.uniform(1 - _JITTER, 1 + _JITTER)
            await asyncio.sleep(max(began + pause - time.monotonic(), period / 10))

    def _learn(self, found: Look) -> None:
        before = self._looks.get(found.pod.name)
        self._looks[found.pod.name] = found
        self.board.publish(
            SOURCE, samples(found), pod=found.pod.name, seconds=found.seconds["total"]
        )
        if before is not None and before.is_well and not found.is_well:
            self.wake.set()
        if before is None or before.reason is not found.reason:
            _log.info("%s: %s %s", found.pod.name, words(found.reason), found.detail)
        self._is_new.set()

    async def leave_word(self, state: Path) -> None:
        """outside.json, at most once a second."""
        while True:
            await self._is_new.wait()
            self._is_new.clear()
            pods = [each.to_json() for _, each in sorted(self._looks.items())]
            told = {"format": FORMAT, "at": time.time(), "pods": pods}
            try:
                await asyncio.to_thread(write_state, state, STATE, told)
            except OSError as error:
                _log.warning("could not leave word of the pods: %s", error)
            await asyncio.sleep(_WRITE_SECONDS)


def samples(found: Look) -> Iterator[Sample]:
    """What stands on the board of one look; what could not be told is not there."""
    pod = found.pod.name
    yield metrics.OUTSIDE_SUCCESS, (pod,), found.is_usable
    if found.reason is not None:
        yield metrics.OUTSIDE_REASON, (pod, found.reason.value), 1
    for family, reaches in by_family(found.reaches).items():
        yield metrics.OUTSIDE_REACHABLE, (pod, family), is_reachable(reaches)
        if (expires := first_expiry(reaches)) is not None:
            yield metrics.OUTSIDE_CERTIFICATE, (pod, family), expires
    yield metrics.OUTSIDE_TIMESTAMP, (pod,), found.at
    yield metrics.OUTSIDE_SECONDS, (pod,), found.seconds["total"]
    if found.nodeinfo_valid is not None:
        yield metrics.OUTSIDE_VALID, (pod,), found.nodeinfo_valid
    if found.receive_ok is not None:
        yield metrics.OUTSIDE_RECEIVE, (pod,), found.receive_ok
