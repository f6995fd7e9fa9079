"""The certificate that is shown on loopback: also one that nobody would trust."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from monitoring.pod.certificate import Certificate
from monitoring.pod.not_after import NoCertificate, not_after
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Unread
from tests.unit.monitoring.certificates import Authority

PLACE = PodPlace("alpha", "alpha.example.org")


@contextmanager
def showing(context: ssl.SSLContext | None) -> Iterator[int]:
    """A server's port: it shakes hands, or (None) hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, context), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, context: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                if context is not None:
                    context.wrap_socket(connection, server_side=True).close()
            except OSError:
                continue


def expiry(port: int, place: PodPlace = PLACE) -> float:
    ((_, labels, value),) = Certificate(("127.0.0.1",), port).collect(place).samples
    assert labels == ("alpha",)
    return value


@pytest.mark.parametrize(("days", "own"), [((-1, 90), False), ((-9, -2), False), ((-1, 30), True)])
def test_when_it_ends_whoever_signed_it(
    authority: Authority, days: tuple[int, int], own: bool
) -> None:
    with showing(authority.context("alpha.example.org", days, own)) as port:
        ends = dt.datetime.now(dt.UTC).timestamp() + days[1] * 86400
        assert expiry(port) == pytest.approx(ends, abs=600)


def test_the_pod_is_asked_for_by_its_name(authority: Authority) -> None:
    """nginx has many certificates."""
    asked: list[str] = []
    context = authority.context("alpha.example.org")
    context.sni_callback = lambda connection, name, context: asked.append(name)
    with showing(context) as port:
        expiry(port)
    assert asked == ["alpha.example.org"]


def test_a_host_without_ipv4_is_asked_by_ipv6_alone(authority: Authority) -> None:
    with showing(authority.context("alpha.example.org")) as port:
        seen = Certificate(("127.0.0.9", "127.0.0.1"), port)
        assert len(seen.collect(PLACE).samples) == 1


def test_no_certificate_is_told_as_such() -> None:
    with showing(None) as port, pytest.raises(Unread):
        expiry(port)
    with pytest.raises(Unread, match="ConnectionRefusedError"):
        expiry(port)
    with pytest.raises(Unread):
        expiry(port, PodPlace("alpha", "x" * 300))


def made(ends: dt.datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    begins = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    builder = builder.not_valid_before(begins).not_valid_after(ends)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("year", [1999, 2026, 2049, 2050, 2999])
def test_both_ways_in_which_a_year_is_written(year: int) -> None:
    ends = dt.datetime(year, 12, 31, 23, 59, 58, tzinfo=dt.UTC)
    assert not_after(made(ends)) == ends.timestamp()


WHOLE = made(dt.datetime(2027, 1, 1, tzinfo=dt.UTC))


@given(st.binary(max_size=200) | st.integers(0, len(WHOLE) - 1).map(lambda end: WHOLE[:end]))
def test_other_bytes_are_no_certificate(content: bytes) -> None:
    with pytest.raises(NoCertificate):
        not_after(content)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_byte_that_is_another_one_never_breaks_more(place: int, byte: int) -> None:
    content = bytearray(WHOLE)
    content[place] = byte
    try:
        not_after(bytes(content))
    except NoCertificate:
        pass
