"""One look at each of many peers: names first, in two lanes, then at most so many at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from monitoring.prober.addresses import system_look_up
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.looking import Asking, look
from monitoring.prober.names import (
    FOUND_BEFORE_THREADS,
    OTHER_THREADS,
    Found,
    LookUp,
    Names,
)
from monitoring.prober.nodeinfo import Probe
from monitoring.prober.standing import Outcome, Standing
from monitoring.prober.target import Target, make_target
from monitoring.reasons import Reason

IN_FLIGHT = 500

_log = logging.getLogger(__name__)

# Told of the seconds that a stage of a probe took.
Observe = Callable[[str, float], None]


@dataclass(frozen=True)
class Sweep:
    """How peers are swept; holds nothing from one sweep to the next."""

    asking: Asking
    observe: Observe
    look_up: LookUp = system_look_up
    in_flight: int = IN_FLIGHT

    async def over(self, standings: Sequence[Standing]) -> None:
        """Each standing learns what a look found, in this order as far as names allow."""
        slots = asyncio.Semaphore(self.in_flight)
        asked = list(_with_targets(standings))
        found_before = [each for each in asked if each[0].is_found]
        others = [each for each in asked if not each[0].is_found]
        async with asyncio.TaskGroup() as group:
            for lane, threads in ((found_before, FOUND_BEFORE_THREADS), (others, OTHER_THREADS)):
                group.create_task(self._lane(lane, threads, slots, group))

    async def _lane(
        self,
        lane: Sequence[tuple[Standing, Target]],
        threads: int,
        slots: asyncio.Semaphore,
        group: asyncio.TaskGroup,
    ) -> None:
        """Hands each whose name is found to a look, as soon as there is room."""
        names: Names[Standing] = Names(self.look_up, allow_private=self.asking.limits.allow_private)
        async with aclosing(names.find(lane, threads)) as finding:
            async for standing, target, found in finding:
                standing.is_found = bool(found.addresses)
                await slots.acquire()
                group.create_task(self._look(standing, target, found, slots))

    async def _look(
        self, standing: Standing, target: Target, found: Found, slots: asyncio.Semaphore
    ) -> None:
        try:
            outcome = await self._outcome(target, found)
        except Exception:  # noqa: BLE001 - one peer must not end the looks at all others.
            _log.exception("The probe of %r broke", standing.peer.authority)
            outcome = Outcome(time.time(), Reason.PROBE_BROKE)
        finally:
            slots.release()
        standing.learn(outcome, time.monotonic())

    async def _outcome(self, target: Target, found: Found) -> Outcome:
        self.observe("name", found.seconds)
        if found.failure is not None:
            return Outcome(time.time(), found.failure.reason, seconds=found.seconds)
        probe, families = await look(target, found.addresses, self.asking)
        for stage, seconds in probe.seconds.items():
            if stage not in ("name", "total"):
                self.observe(stage, seconds)
        return replace(_read(probe, families), seconds=found.seconds + probe.seconds["total"])


def _with_targets(standings: Sequence[Standing]) -> Iterator[tuple[Standing, Target]]:
    """Those whose name is one; what the others are called is why they fail."""
    for standing in standings:
        peer = standing.peer
        try:
            target = make_target("https" if peer.is_tls else "http", peer.host, peer.port)
        except ProbeFailed as failed:
            standing.learn(Outcome(time.time(), failed.reason), time.monotonic())
        else:
            yield standing, target


def _read(probe: Probe, families: dict[str, bool]) -> Outcome:
    return Outcome(
        at=time.time(),
        reason=probe.reason,
        software=probe.software,
        version=probe.version,
        is_valid=probe.strictly_valid,
        certificate_expires=probe.certificate_expires,
        families=families,
    )
