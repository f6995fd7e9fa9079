"""Canaries between a pod and its partners, and whose fault it is where one does not arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from monitoring.canary.api import CanaryApi
from monitoring.canary.flights import Flight, Patience
from monitoring.canary.flying import fly_between_all, fly_from
from monitoring.canary.pods import CanaryPod
from monitoring.prober.failure import ProbeFailed
from monitoring.reasons import Reason, words
from provision.operations.partners import Partners, look

# A lost canary flies a second time, so each one waits for less than the prober's do.
PATIENCE = Patience(late_after=10.0, lost_after=25.0, retraction=20.0)
_NOBODYS_GUID = "0" * 32
# Only the sender can be told these.
_SENDERS = (Reason.TOKEN_REJECTED, Reason.POST_REJECTED, Reason.RETRACTION_REJECTED)


def fly(pods: Partners) -> tuple[list[Flight], dict[str, str]]:
    """Canaries there and back with all partners that answer; of the others, why not."""
    return asyncio.run(_fly_with_those_that_answer(pods))


async def _fly_with_those_that_answer(pods: Partners) -> tuple[list[Flight], dict[str, str]]:
    probes = await asyncio.gather(*map(look, pods.others))
    up = [pod for pod, probe in zip(pods.others, probes, strict=True) if probe.is_well]
    down = {
        f"partner {pod.name}": f"does not answer: {words(probe.reason)}"
        for pod, probe in zip(pods.others, probes, strict=True)
        if not probe.is_well
    }
    flights = await fly_between_all([pods.own, *up], PATIENCE, concerning=[pods.own.name])
    return [flight for flight in flights if pods.named(flight.sender).token is not None], down


def fly_again(pods: Partners, failed: Iterable[Flight]) -> tuple[list[Flight], dict[str, str]]:
    """A second canary for each that failed: those that are this pod's fault, and why not others."""

    async def again(flight: Flight) -> tuple[Flight, str]:
        sender, receiver = pods.named(flight.sender), pods.named(flight.receiver)
        (second,) = await fly_from(sender, [receiver], PATIENCE)
        return second, "" if is_proof(second) else await _excuse(pods, second)

    async def all_again() -> list[tuple[Flight, str]]:
        return list(await asyncio.gather(*map(again, failed)))

    found = asyncio.run(all_again())
    ours = [flight for flight, excuse in found if not is_proof(flight) and not excuse]
    return ours, {way(flight): excuse for flight, excuse in found if excuse}


async def _excuse(pods: Partners, flight: Flight) -> str:
    """Why the failure is the partner's own; "" where it is not, or nobody can tell."""
    own = pods.own
    partner = pods.named(flight.receiver if flight.sender == own.name else flight.sender)
    probe = await look(partner)
    if not probe.is_well:
        return f"{partner.name} does not answer: {words(probe.reason)}"
    if flight.state == "lost" or flight.reason is Reason.RETRACTION_STUCK:
        return ""
    if flight.reason in _SENDERS:
        return "" if flight.sender == own.name else f"{partner.name}: {words(flight.reason)}"
    if not await _can_be_asked(partner):
        return f"{partner.name} does not say whether it holds a post"
    if flight.sender != own.name and await _can_be_asked(own):
        return f"{partner.name}: {words(flight.reason)}"
    return ""


async def _can_be_asked(pod: CanaryPod) -> bool:
    api = CanaryApi(pod)
    try:
        return not await api.holds(_NOBODYS_GUID)
    except ProbeFailed:
        return False
    finally:
        api.hang_up()


def is_proof(flight: Flight) -> bool:
    return flight.has_arrived and flight.retraction_seconds is not None


def way(flight: Flight) -> str:
    return f"{flight.sender} -> {flight.receiver}"
