"""One look at a pod of the fleet as strangers and other pods see it, in five requests."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

from monitoring.outside.families import Reach, reach_all
from monitoring.prober.addresses import resolve
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.limits import OWN_POD
from monitoring.prober.nodeinfo import probe_nodeinfo
from monitoring.prober.pages import probe_asset
from monitoring.prober.session import Session
from monitoring.prober.stages import Stages
from monitoring.prober.target import Target, parse_target
from monitoring.prober.visiting import visit
from monitoring.reasons import Reason, words

# Signed out, and out of the database.
PAGE = "/public"
RECEIVE = "/receive/public"
LIMITS = replace(OWN_POD, deadline_seconds=8.0, connect_seconds=5.0)


@dataclass(frozen=True)
class OwnPod:
    """A pod of the fleet. `domain` may name a port; `addresses` stand for what it resolves to."""

    name: str
    domain: str
    addresses: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"https://{self.domain}"


@dataclass(frozen=True)
class Look:
    """What one look found; what could not be told is None."""

    pod: OwnPod
    at: float
    reason: Reason | None = None
    detail: str = ""
    nodeinfo_valid: bool | None = None
    receive_ok: bool | None = None
    reaches: tuple[Reach, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_usable(self) -> bool:
        return self.reason is None

    @property
    def is_well(self) -> bool:
        """Usable, and other pods can deliver to it."""
        return self.is_usable and self.receive_ok is not False

    def to_json(self) -> dict[str, Any]:
        return {
            "pod": self.pod.name,
            "domain": self.pod.domain,
            "at": self.at,
            "usable": self.is_usable,
            "reason": self.reason,
            "words": words(self.reason),
            "nodeinfo_valid": self.nodeinfo_valid,
            "receive_ok": self.receive_ok,
            "addresses": [reach.to_json() for reach in self.reaches],
            "seconds": self.seconds,
        }


async def look(pod: OwnPod, *, contact: str = "", ca_file: str | None = None) -> Look:
    """Looks at all that must work; never raises for anything that the pod does."""
    started, found = time.monotonic(), Look(pod, time.time())
    try:
        target = parse_target(pod.url)
        addresses = list(pod.addresses) or await _resolve(target)
    except ProbeFailed as failed:
        return _ended(replace(found, reason=failed.reason, detail=failed.detail), started)
    looking = _Looking(pod, target, contact, ca_file)
    found, reaches = await asyncio.gather(
        looking.use(found), reach_all(target, addresses, ca_file, LIMITS)
    )
    return _ended(replace(found, reaches=tuple(reaches)), started)


async def _resolve(target: Target) -> list[str]:
    try:
        async with asyncio.timeout(LIMITS.deadline_seconds):
            return await resolve(target, None, allow_private=True)
    except TimeoutError as error:
        raise ProbeFailed(Reason.NAME_TIMED_OUT, target.host) from error


def _ended(found: Look, started: float) -> Look:
    total = round(time.monotonic() - started, 4)
    return replace(found, seconds={**found.seconds, "total": total})


@dataclass(frozen=True)
class _Looking:
    """The steps of a look; each is made only where those before it went well."""

    pod: OwnPod
    target: Target
    contact: str
    ca_file: str | None

    async def use(self, found: Look) -> Look:
        for step in (self._nodeinfo, self._page, self._receive):
            found = await step(found)
            if not found.is_usable:
                break
        return found

    @property
    def _address(self) -> str | None:
        return self.pod.addresses[0] if self.pod.addresses else None

    async def _nodeinfo(self, found: Look) -> Look:
        probe = await probe_nodeinfo(
            self.pod.url,
            address=self._address,
            ca_file=self.ca_file,
            limits=LIMITS,
            contact=self.contact,
        )
        return replace(
            found,
            reason=probe.reason,
            detail=probe.detail,
            nodeinfo_valid=probe.strictly_valid if probe.software else None,
            seconds={**found.seconds, "nodeinfo": probe.seconds["total"]},
        )

    async def _page(self, found: Look) -> Look:
        """A page out of the database, and the style sheet or script that it names."""
        page = await probe_asset(
            self.pod.url, PAGE, address=self._address, ca_file=self.ca_file, limits=LIMITS
        )
        spent = dict(found.seconds)
        for stage in ("page", "asset"):
            if stage in page.seconds:
                spent[stage] = page.seconds[stage]
        return replace(found, reason=page.reason, detail=page.detail, seconds=spent)

    async def _receive(self, found: Look) -> Look:
        """Whether what stands before the pod redirects; HEAD reaches nothing that receives."""
        status = 0

        async def ask(session: Session) -> None:
            nonlocal status
            status = (await session.request("HEAD", RECEIVE)).status

        failed = await visit(
            self.pod.url,
            ask,
            stages=Stages(),
            limits=LIMITS,
            address=self._address,
            ca_file=self.ca_file,
            contact=self.contact,
        )
        if failed is not None or status >= 500:
            return found
        return replace(found, receive_ok=not 300 <= status < 400)
