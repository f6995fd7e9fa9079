"""Proof of arrival: a post on one pod, seen on the others, taken back, and seen to be gone."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from monitoring.canary.api import CanaryApi
from monitoring.canary.flights import Flight, Patience, State
from monitoring.canary.pods import CanaryPod
from monitoring.canary.sender_log import followed
from monitoring.canary.sweeping import sweep
from monitoring.prober.failure import ProbeFailed
from monitoring.reasons import Reason

_PATIENCE = Patience()
_RETRACTION_ATTEMPTS = 3
_log = logging.getLogger("podfleet.canary")


def fly(sender: CanaryPod, receiver: CanaryPod, patience: Patience = _PATIENCE) -> Flight:
    """One flight from sender to receiver; the post is taken back whatever happens."""
    return asyncio.run(fly_from(sender, [receiver], patience))[0]


def fly_all(
    pods: Sequence[CanaryPod],
    patience: Patience = _PATIENCE,
    *,
    concerning: Collection[str] | None = None,
) -> list[Flight]:
    """Flights between all ordered pairs; of those, the ones from or to the pods `concerning`."""
    return asyncio.run(fly_between_all(pods, patience, concerning=concerning))


async def fly_between_all(
    pods: Sequence[CanaryPod],
    patience: Patience = _PATIENCE,
    *,
    concerning: Collection[str] | None = None,
) -> list[Flight]:
    """All ordered pairs: each pod posts once, and every other one is watched for that post.

    What a pod's earlier canaries left behind is swept before it posts.
    """
    turn = asyncio.Semaphore(patience.senders)

    async def fly_in_turn(sender: CanaryPod) -> list[Flight]:
        receivers = [pod for pod in pods if pod.name != sender.name]
        if concerning is not None and sender.name not in concerning:
            receivers = [pod for pod in receivers if pod.name in concerning]
        async with turn:
            return await fly_from(sender, receivers, patience) if receivers else []

    flown = await asyncio.gather(*map(fly_in_turn, pods))
    return [flight for flights in flown for flight in flights]


async def fly_from(
    sender: CanaryPod, receivers: Sequence[CanaryPod], patience: Patience = _PATIENCE
) -> list[Flight]:
    """One post by sender, watched for on each receiver, then taken back everywhere.

    What the sender's earlier canaries left behind is swept first.
    """
    async with _apis([sender]) as (author,):
        await sweep_or_say(author, patience.leftover_age)
        return await fly_as(author, receivers, patience)


async def fly_as(
    author: CanaryApi,
    receivers: Sequence[CanaryPod],
    patience: Patience = _PATIENCE,
    log: Path | None = None,
) -> list[Flight]:
    """fly_from for an account that is kept; `log`, the sender's, splits the way into its stages."""
    at, sender = dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), author.pod.name
    flights = [Flight(sender, receiver.name, "unknown", at) for receiver in receivers]
    async with _apis(receivers, author.spent) as watchers, followed(log) as deliveries:
        try:
            guid = await _post(author)
        except ProbeFailed as failed:
            _log.info("%s: %s", sender, failed)
            return [replace(flight, reason=failed.reason) for flight in flights]
        deliveries.begin(guid)
        taken = round(author.answer_seconds, 3)
        flights = [replace(flight, post_seconds=taken) for flight in flights]
        try:
            flights = await _arrivals(watchers, guid, flights, patience)
        finally:
            refused = await _retract(author, guid)
        flights = list(map(deliveries.split, flights, receivers))
        if refused is not None:
            return [replace(flight, reason=flight.reason or refused) for flight in flights]
        return await _retractions(watchers, guid, flights, patience)


@contextlib.asynccontextmanager
async def _apis(
    pods: Sequence[CanaryPod], spent: Counter[str] | None = None
) -> AsyncIterator[list[CanaryApi]]:
    apis = [CanaryApi(pod, spent) for pod in pods]
    try:
        yield apis
    finally:
        for api in apis:
            api.hang_up()


async def sweep_or_say(author: CanaryApi, leftover_age: float) -> None:
    """Not being able to is said, and no reason not to fly: the flight finds out why."""
    try:
        if swept := await sweep(author, leftover_age):
            _log.info("%s: took back %d posts of an earlier canary", author.pod.name, swept)
    except ProbeFailed as failed:
        _log.warning("%s: could not look for leftovers: %s", author.pod.name, failed)


async def _post(author: CanaryApi) -> str:
    """Posts; whoever is interrupted meanwhile still learns the guid, to take the post back."""
    posting = asyncio.ensure_future(author.post())
    try:
        return await asyncio.shield(posting)
    except asyncio.CancelledError:
        with contextlib.suppress(ProbeFailed):
            await _retract(author, await posting)
        raise


async def _retract(author: CanaryApi, guid: str) -> Reason | None:
    """Takes the post back; why the pod would not, after several attempts."""
    for attempt in range(_RETRACTION_ATTEMPTS):
        await asyncio.sleep(attempt)
        try:
            await author.retract(guid)
            return None
        except ProbeFailed as failed:
            _log.warning("%s: retraction, attempt %d: %s", author.pod.name, attempt, failed)
    return Reason.RETRACTION_REJECTED


async def _arrivals(
    watchers: Sequence[CanaryApi], guid: str, flights: Sequence[Flight], patience: Patience
) -> list[Flight]:
    async def watch(watcher: CanaryApi, flight: Flight) -> Flight:
        seconds, why_not = await _wait_until(watcher, guid, True, patience.lost_after, patience)
        if seconds is None:
            state: State = "lost" if why_not is Reason.NOT_ARRIVED else "unknown"
            return replace(flight, state=state, reason=why_not)
        if seconds > patience.late_after:
            return replace(flight, state="late", arrival_seconds=seconds, reason=Reason.LATE)
        return replace(flight, state="ok", arrival_seconds=seconds)

    return await asyncio.gather(*map(watch, watchers, flights))


async def _retractions(
    watchers: Sequence[CanaryApi], guid: str, flights: Sequence[Flight], patience: Patience
) -> list[Flight]:
    async def watch(watcher: CanaryApi, flight: Flight) -> Flight:
        if not flight.has_arrived:
            return flight
        seconds, why_not = await _wait_until(watcher, guid, False, patience.retraction, patience)
        if seconds is not None:
            return replace(flight, retraction_seconds=seconds)
        stuck = Reason.RETRACTION_STUCK if why_not is Reason.NOT_ARRIVED else why_not
        return replace(flight, reason=stuck)

    return await asyncio.gather(*map(watch, watchers, flights))


async def _wait_until(
    watcher: CanaryApi, guid: str, is_there: bool, limit_seconds: float, patience: Patience
) -> tuple[float | None, Reason | None]:
    """Seconds until the pod does (or no longer does) hold the post, else why it was not seen."""
    started, pause = time.monotonic(), patience.first_poll
    answered, why_not = started, Reason.NOT_ARRIVED
    while (spent := time.monotonic() - started) < limit_seconds:
        try:
            if await watcher.holds(guid) is is_there:
                return round(time.monotonic() - started, 3), None
            answered, why_not = time.monotonic(), Reason.NOT_ARRIVED
        except ProbeFailed as failed:
            why_not = failed.reason
            if time.monotonic() - answered >= patience.silent_after:
                break
        await asyncio.sleep(min(pause, max(limit_seconds - spent, 0.0)))
        pause = min(pause * 1.5, patience.longest_poll)
    return None, why_not
