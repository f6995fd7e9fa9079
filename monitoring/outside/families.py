"""Each address of a pod by itself: whether it takes connections, and when its certificate ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.outside.certificates import shown_expiry
from monitoring.prober.limits import Limits
from monitoring.prober.names import has_route
from monitoring.prober.target import Target
from monitoring.prober.tls import probe_tls
from monitoring.reasons import Reason, words

# Pods with more addresses than these are nobody's who runs podfleet.
MOST_ADDRESSES = 16
# There was a certificate, and it was not good enough.
_SHOWN = frozenset({Reason.TLS_EXPIRED, Reason.TLS_UNTRUSTED, Reason.TLS_WRONG_NAME})


@dataclass(frozen=True)
class Reach:
    """What was found at one address."""

    address: str
    reason: Reason | None = None
    certificate_expires: float | None = None

    @property
    def family(self) -> str:
        return "v6" if ":" in self.address else "v4"

    def to_json(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "family": self.family,
            "reason": self.reason,
            "words": words(self.reason),
            "certificate_expires": self.certificate_expires,
        }


async def reach_all(
    target: Target, addresses: Sequence[str], ca_file: str | None, limits: Limits
) -> list[Reach]:
    """A handshake with each address, all at once; a broken one takes no time from the others."""
    chosen = list(dict.fromkeys(addresses))[:MOST_ADDRESSES]
    return list(await asyncio.gather(*(_reach(target, each, ca_file, limits) for each in chosen)))


async def _reach(target: Target, address: str, ca_file: str | None, limits: Limits) -> Reach:
    if not has_route(address):
        return Reach(address, Reason.NO_ROUTE)
    url = f"{target.scheme}://{target.authority}"
    found = await probe_tls(url, address=address, ca_file=ca_file, limits=limits)
    expires = found.expires_at
    if expires is None and found.reason in _SHOWN:
        expires = await shown_expiry(target, address, limits)
    return Reach(address, found.reason, expires)


def by_family(reaches: Sequence[Reach]) -> dict[str, list[Reach]]:
    """v4 and v6; a family without addresses is not among them, nor one without a way there."""
    found: dict[str, list[Reach]] = {}
    for reach in reaches:
        if reach.reason is not Reason.NO_ROUTE:
            found.setdefault(reach.family, []).append(reach)
    return found


def is_reachable(reaches: Sequence[Reach]) -> bool:
    """By every address: who is handed a broken one is not helped by the others."""
    return all(reach.reason is None for reach in reaches)


def first_expiry(reaches: Sequence[Reach]) -> float | None:
    """Of the certificates that are shown, the end of the first to end."""
    return min((r.certificate_expires for r in reaches if r.certificate_expires), default=None)
