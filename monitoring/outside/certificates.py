"""When a certificate ends that cannot be verified: an expired one is told of all the same."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Iterator

from monitoring.prober.dialling import connect
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.limits import Limits
from monitoring.prober.target import Target

_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0xA0, 0x17, 0x18
# Of a certificate's fields, its version left out: serial, algorithm, issuer, validity.
_VALIDITY = 3
_LONG_FORM = 0x80


async def shown_expiry(target: Target, address: str, limits: Limits) -> float | None:
    """In seconds since 1970; None where none is shown. Verifies nothing and asks for nothing."""
    try:
        async with asyncio.timeout(limits.deadline_seconds):
            line = await connect(address, target.port, limits)
            try:
                await line.shake_hands(_unverified(), target.host)
                shown = line.tls.getpeercert(binary_form=True) if line.tls else None
            finally:
                line.hang_up()
    except (ProbeFailed, OSError):
        return None
    return expiry_of(shown or b"")


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def expiry_of(certificate: bytes) -> float | None:
    """notAfter of a certificate as it goes over the wire (RFC 5280, 4.1); None if it is none.

    The standard library reads only what it has verified.
    """
    try:
        ((_, whole),) = _values(certificate)
        (_, body), *_ = _values(whole)
        fields = [value for tag, value in _values(body) if tag != _VERSION]
        _, (tag, not_after) = _values(fields[_VALIDITY])
        return _time(tag, not_after.decode("ascii"))
    except (IndexError, ValueError):
        return None


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The values that follow one another in DER: tag and content."""
    while data:
        length, start = data[1], 2
        if length & _LONG_FORM:
            start += length & ~_LONG_FORM
            length = int.from_bytes(data[2:start], "big")
        if start + length > len(data):
            raise ValueError("it ends in the middle")
        yield data[0], data[start : start + length]
        data = data[start + length :]


def _time(tag: int, text: str) -> float:
    # Years of two digits are of 1950 to 2049.
    century = {_UTC_TIME: "20" if text < "50" else "19", _GENERALIZED_TIME: ""}[tag]
    found = dt.datetime.strptime(century + text, "%Y%m%d%H%M%SZ")
    return found.replace(tzinfo=dt.UTC).timestamp()
