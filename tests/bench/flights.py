"""What watching costs a fleet's pods: requests a second, of the canary and of the look together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from monitoring.board import Board
from monitoring.canary import schedule
from monitoring.canary.pods import CanaryPod
from monitoring.outside.looking import OwnPod, look
from monitoring.state import read_state
from tests.bench.table import Figure
from tests.unit.monitoring import own_pod
from tests.unit.monitoring.certificates import Authority, make_authority
from tests.unit.monitoring.network import SmallPod, introduce, serving
from tests.unit.monitoring.own_pod import HERE, NAME, Served

GOAL = 1.0
CANARY_SECONDS, OWN_SECONDS = 300.0, 30.0
# As long as diaspora* was seen to take.
ARRIVES_AFTER = 0.3


def canary(directory: Path) -> list[Figure]:
    """All of the canary's and the look's requests to the busiest pod, averaged over an interval."""
    authority = make_authority(directory)
    return [
        _figure(directory / "few", "3 pods, all well", authority, 3),
        _figure(directory / "many", "24 pods, all well", authority, 24),
        _figure(directory / "lost", "6 pods, no post arrives", authority, 6, delivers=False),
    ]


def _figure(
    state: Path, name: str, authority: Authority, count: int, *, delivers: bool = True
) -> Figure:
    pods = [
        SmallPod(f"pod{place}", lag_seconds=ARRIVES_AFTER, delivers=delivers)
        for place in range(count)
    ]
    state.mkdir()
    interval = asyncio.run(_one_round(state, authority, pods))
    flown = max(len(pod.seen) for pod in pods) / interval
    looks = asyncio.run(_requests_of_a_look(authority)) / OWN_SECONDS
    return Figure(f"watching: requests to a pod, {name}", flown + looks, GOAL, unit="/s")


async def _one_round(state: Path, authority: Authority, pods: Sequence[SmallPod]) -> float:
    """Flies one whole round; how many seconds the next one is away from it."""
    introduce(*pods)
    async with contextlib.AsyncExitStack() as stack:
        ends = [await stack.enter_async_context(serving(pod, authority)) for pod in pods]
        flying = asyncio.create_task(_fly(ends, state))
        while (left := await asyncio.to_thread(read_state, state, schedule.STATE)) is None:
            await asyncio.sleep(0.2)
            assert not flying.done(), flying
        flying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await flying
    return float(left["interval_seconds"])


async def _fly(ends: Sequence[CanaryPod], state: Path) -> None:
    await schedule.run(
        lambda: ends, Board(), seconds=CANARY_SECONDS, state=state, wake=asyncio.Event()
    )


async def _requests_of_a_look(authority: Authority) -> int:
    """Of a pod that answers all of them."""
    served = Served()
    async with own_pod.serving(served, (HERE, authority.context())) as port:
        found = await look(OwnPod("own", f"{NAME}:{port}", (HERE,)), ca_file=authority.ca_file)
    assert found.is_well, found
    return len(served.seen)
