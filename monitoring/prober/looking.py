"""One look at a peer by both families of addresses, never with two connections at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitoring.prober.dialling import connect
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.limits import PEER, Limits
from monitoring.prober.nodeinfo import Probe, probe_nodeinfo
from monitoring.prober.target import Target

# Of each family: who has more addresses than these is reached by one of them.
_ADDRESSES = 2


@dataclass(frozen=True)
class Asking:
    """How all peers are asked."""

    contact: str = ""
    ca_file: str | None = None
    limits: Limits = PEER


async def look(
    target: Target, addresses: Sequence[str], asking: Asking
) -> tuple[Probe, dict[str, bool]]:
    """What NodeInfo says, by the first address that takes a connection; and which families do.

    A family without addresses, or without a way there from this host, is not among them.
    """
    looking = _Look(target, asking)
    for family, few in _by_family(addresses).items():
        looking.families[family] = await looking.is_reached_by(few)
    assert looking.probe is not None
    return looking.probe, looking.families


class _Look:
    def __init__(self, target: Target, asking: Asking) -> None:
        self._target, self._asking = target, asking
        self._ends = time.monotonic() + asking.limits.deadline_seconds
        self.probe: Probe | None = None
        self.families: dict[str, bool] = {}

    async def is_reached_by(self, addresses: Sequence[str]) -> bool:
        patience = self._asking.limits.connect_seconds / len(addresses)
        left = max(self._ends - time.monotonic(), 1.0)
        limits = replace(self._asking.limits, connect_seconds=patience, deadline_seconds=left)
        knock = self._knock if any(self.families.values()) else self._probe
        for address in addresses:
            if await knock(address, limits):
                return True
        return False

    async def _probe(self, address: str, limits: Limits) -> bool:
        self.probe = await probe_nodeinfo(
            f"{self._target.scheme}://{self._target.authority}",
            address=address,
            ca_file=self._asking.ca_file,
            limits=limits,
            contact=self._asking.contact,
        )
        # It got beyond connecting.
        return "tls" in self.probe.seconds

    async def _knock(self, address: str, limits: Limits) -> bool:
        try:
            (await connect(address, self._target.port, limits)).hang_up()
        except ProbeFailed:
            return False
        return True


def _by_family(addresses: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for address in addresses:
        few = found.setdefault("v6" if ":" in address else "v4", [])
        if len(few) < _ADDRESSES:
            few.append(address)
    return found
