"""Until when a certificate is valid: as much of X.509 as that takes.

Python tells of a certificate only once it trusts it; one that is expired, or of an authority of
the fleet's own, is the one of which we must know.
"""

from __future__ import annotations

from datetime import UTC, datetime

_INTEGER, _SEQUENCE, _UTC_TIME, _TIME, _VERSION = 0x02, 0x30, 0x17, 0x18, 0xA0


class NoCertificate(Exception):
    """These bytes are none."""


def not_after(certificate: bytes) -> float:
    """Seconds since 1970, from the certificate as DER."""
    # Certificate > to be signed > [version], serial, algorithm, issuer, validity > before, after
    _, whole, _ = _element(certificate, _SEQUENCE)
    _, rest, _ = _element(whole, _SEQUENCE)
    kind, _, after_version = _element(rest)
    if kind == _VERSION:
        rest = after_version
    for expected in (_INTEGER, _SEQUENCE, _SEQUENCE):
        _, _, rest = _element(rest, expected)
    _, validity, _ = _element(rest, _SEQUENCE)
    _, _, rest = _element(validity)
    return _time(*_element(rest)[:2])


def _element(data: bytes, expected: int | None = None) -> tuple[int, bytes, bytes]:
    """Kind and content of the first element, and what comes after it."""
    if len(data) < 2 or (expected is not None and data[0] != expected):
        raise NoCertificate
    size, begin = data[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4:
            raise NoCertificate
        size, begin = int.from_bytes(data[2 : 2 + count]), 2 + count
    if len(data) < begin + size:
        raise NoCertificate
    return data[0], data[begin : begin + size], data[begin + size :]


def _time(kind: int, text: bytes) -> float:
    """Two digits of a year are of 1950 to 2049; four are what they are."""
    if kind not in (_UTC_TIME, _TIME):
        raise NoCertificate
    try:
        digits = text.decode("ascii")
        if kind == _UTC_TIME:
            digits = ("19" if digits[:2] >= "50" else "20") + digits
        return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise NoCertificate from None
