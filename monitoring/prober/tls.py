"""A server's certificate and what was agreed on: chain, protocol, days left."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, replace
from typing import Any

from monitoring.prober.finding import Finding, concluded
from monitoring.prober.limits import OWN_POD, Limits
from monitoring.prober.session import Session
from monitoring.prober.stages import Stages
from monitoring.prober.visiting import visit

_DAY = 86400.0


@dataclass(frozen=True)
class Tls(Finding):
    """One handshake. No reason: the chain leads to an authority we trust, and the name is right."""

    protocol: str | None = None
    cipher: str | None = None
    names: tuple[str, ...] = ()
    issuer: str | None = None
    expires_at: float | None = None
    days_left: float | None = None
    # Certificates from the server's own to the authority's, as verified; None: not told.
    chain_length: int | None = None


async def probe_tls(
    url: str,
    *,
    address: str | None = None,
    ca_file: str | None = None,
    limits: Limits = OWN_POD,
    now: float | None = None,
) -> Tls:
    """Shakes hands with url and reads the certificate; `now` (seconds since 1970) for tests."""
    stages = Stages()
    found = Tls(url)

    async def look(session: Session) -> None:
        nonlocal found
        await session.open()
        if session.tls is not None:
            found = _read(found, session.tls, time.time() if now is None else now)

    failed = await visit(url, look, stages=stages, limits=limits, address=address, ca_file=ca_file)
    return concluded(found, failed, stages)


def _read(found: Tls, tls: ssl.SSLObject, now: float) -> Tls:
    certificate: dict[str, Any] = tls.getpeercert() or {}
    expires_at = float(ssl.cert_time_to_seconds(certificate["notAfter"]))
    cipher = tls.cipher()
    return replace(
        found,
        protocol=tls.version(),
        cipher=None if cipher is None else cipher[0],
        names=tuple(name for _, name in certificate.get("subjectAltName", ())),
        issuer=_common_name(certificate.get("issuer", ())),
        expires_at=expires_at,
        days_left=round((expires_at - now) / _DAY, 2),
        chain_length=_chain_length(tls),
    )


def _common_name(name: tuple[tuple[tuple[str, str], ...], ...]) -> str | None:
    fields = {key: value for part in name for key, value in part}
    return fields.get("commonName") or fields.get("organizationName")


def _chain_length(tls: ssl.SSLObject) -> int | None:
    # Public since Python 3.13.
    chain = getattr(tls, "get_verified_chain", None)
    return None if chain is None else len(chain())
