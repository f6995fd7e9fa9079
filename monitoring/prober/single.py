"""One look at one server for a person: what other pods would see of it, in words."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from monitoring.prober.limits import Limits
from monitoring.prober.nodeinfo import Probe, probe
from monitoring.reasons import Reason, words
from monitoring.shown import shown

_LIMITS = Limits()
_URL_CHARACTERS = 300


def probe_once(
    url: str,
    *,
    address: str | None = None,
    ca_file: Path | str | None = None,
    allow_private: bool = False,
) -> Probe:
    """Probes url's NodeInfo; never raises for what the other side does."""
    limits = replace(_LIMITS, allow_private=allow_private)
    return probe(url, address, None if ca_file is None else str(ca_file), limits=limits)


def probe_lines(found: Probe) -> list[str]:
    """What was found, for reading."""
    detail = f" ({found.detail})" if found.detail else ""
    verdict = "reachable" if found.is_well else f"{words(found.reason)}{detail}"
    lines = [f"{shown(found.url, _URL_CHARACTERS)}: {verdict}"]
    if found.is_well:
        lines += _said(found)
    if found.reason is Reason.PRIVATE_ADDRESS:
        lines.append("  With --allow-private it is asked all the same.")
    spent = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in found.seconds.items())
    return [*lines, f"  time           {spent}"]


def _said(found: Probe) -> list[str]:
    """What the server says of itself."""
    is_open = {True: "open", False: "closed", None: "not told"}[found.open_registrations]
    rules = "kept" if found.strictly_valid else "not kept, though it can be read"
    users = "not told" if found.users_total is None else str(found.users_total)
    return [
        f"  software       {found.software} {found.version or '(no version)'}",
        f"  users          {users}",
        f"  registrations  {is_open}",
        f"  NodeInfo       {found.nodeinfo}, its rules are {rules}",
        f"  address        {found.address}",
        *_certificate(found.certificate_expires),
    ]


def _certificate(expires: float | None) -> list[str]:
    if expires is None:
        return []
    ends = dt.datetime.fromtimestamp(expires, dt.UTC)
    days = (ends - dt.datetime.now(dt.UTC)).days
    return [f"  certificate    ends on {ends:%Y-%m-%d}, in {days} days"]
