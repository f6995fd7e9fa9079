"""Peers that misbehave on the wire: each gives its one reason, within its deadline."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from monitoring.prober import dialling
from monitoring.prober.limits import Limits
from monitoring.prober.nodeinfo import Probe, probe_nodeinfo
from monitoring.reasons import Reason
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.peer import DOCUMENT, Handler, answering, links, nodeinfo, peer, response

NAME = "pod.lab.test"
# Long enough for a busy machine; what ends by itself does not wait for it.
LIMITS = Limits(deadline_seconds=20.0, body_bytes=100_000)
# For what never ends.
HASTY = Limits(deadline_seconds=1.0, connect_seconds=0.6)


async def look_at(port: int, authority: Authority, limits: Limits = LIMITS) -> Probe:
    return await probe_nodeinfo(
        f"https://{NAME}:{port}", address="127.0.0.1", ca_file=authority.ca_file, limits=limits
    )


async def silent(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def dripping(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in response(b"x" * 1000):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_headers(
    path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"x" * 8000 + b"\r\n")
        await writer.drain()


async def endless_chunks(
    path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        await writer.drain()


async def endless_interim_answers(
    path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100)
        await writer.drain()


async def hanging_up(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(response(b"x" * 1000)[:300])
    await writer.drain()
    writer.transport.abort()


def always(answer: bytes) -> Handler:
    async def handle(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return handle


def redirect(location: str) -> bytes:
    return response(b"", "301 Moved Permanently", Location=location)


@dataclass(frozen=True)
class Fault:
    handler: Handler
    reason: Reason
    limits: Limits = LIMITS


BOMB = gzip.compress(b"[" + b" " * 50_000_000)

FAULTS = {
    "hangs after the handshake": Fault(silent, Reason.ANSWER_TIMED_OUT, HASTY),
    "drips bytes": Fault(dripping, Reason.ANSWER_TIMED_OUT, HASTY),
    "sends without end": Fault(endless, Reason.TOO_LARGE),
    "sends chunks without end": Fault(endless_chunks, Reason.TOO_LARGE),
    "sends headers without end": Fault(endless_headers, Reason.TOO_LARGE),
    "sends interim answers without end": Fault(endless_interim_answers, Reason.TOO_LARGE),
    "switches to another protocol": Fault(
        always(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        Reason.UNEXPECTED_STATUS,
    ),
    "announces gigabytes": Fault(
        always(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n"), Reason.TOO_LARGE
    ),
    "compression bomb": Fault(always(response(BOMB, Content_Encoding="gzip")), Reason.TOO_LARGE),
    "broken compression": Fault(
        always(response(b"not gzip", Content_Encoding="gzip")), Reason.CUT_SHORT
    ),
    "hangs up in the middle": Fault(hanging_up, Reason.CUT_SHORT),
    "another protocol": Fault(always(b"220 mail.example.org ESMTP\r\n"), Reason.NOT_HTTP),
    "a length that is no number": Fault(
        always(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), Reason.NOT_HTTP
    ),
    "redirects in a circle": Fault(
        always(redirect("/.well-known/nodeinfo")), Reason.REDIRECTED_TOO_OFTEN
    ),
    "redirects to another host": Fault(
        always(redirect("https://example.org/")), Reason.REDIRECTED_ELSEWHERE
    ),
    "redirects to a private address": Fault(
        always(redirect("http://169.254.169.254/latest/")), Reason.REDIRECTED_ELSEWHERE
    ),
    "redirects to another port": Fault(
        always(redirect(f"https://{NAME}:22/")), Reason.REDIRECTED_ELSEWHERE
    ),
    "redirects to another scheme": Fault(
        always(redirect(f"ftp://{NAME}/")), Reason.REDIRECTED_ELSEWHERE
    ),
    "redirects to nowhere": Fault(
        always(response(b"", "301 Moved Permanently")), Reason.UNEXPECTED_STATUS
    ),
    "redirects to nonsense": Fault(always(redirect("https://[oops/")), Reason.REDIRECTED_ELSEWHERE),
    "404": Fault(answering({}), Reason.CLIENT_ERROR),
    "502": Fault(always(response(b"", "502 Bad Gateway")), Reason.SERVER_ERROR),
    "204": Fault(always(b"HTTP/1.1 204 No Content\r\n\r\n"), Reason.UNEXPECTED_STATUS),
    "a link to another host": Fault(
        answering({"/.well-known/nodeinfo": response(links("2.1", base="https://example.org"))}),
        Reason.REDIRECTED_ELSEWHERE,
    ),
    "a link with a line break": Fault(
        answering({"/.well-known/nodeinfo": response(links("2.1", base="/a\\r\\nX: y\r\n"))}),
        Reason.CLIENT_ERROR,
    ),
    "a link with half a character": Fault(
        answering({"/.well-known/nodeinfo": response(links("2.1", base="/\ud800"))}),
        Reason.CLIENT_ERROR,
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_fault_gives_its_reason_in_time(fault: Fault, authority: Authority) -> None:
    started = time.monotonic()
    async with peer(fault.handler, authority.context()) as port:
        found = await look_at(port, authority, fault.limits)
    assert (found.reason, found.software) == (fault.reason, None), found
    assert not found.strictly_valid
    assert time.monotonic() - started < fault.limits.deadline_seconds + 2


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("https://example.org/x?y", "https://example.org"),
        ("https://user:secret@example.org:8443/", "https://example.org:8443"),
        (f"http://{NAME}/", f"http://{NAME}"),
        (f"https://{NAME}:22/", f"https://{NAME}:22"),
        ("file:///etc/passwd", "file://"),
    ],
)
async def test_where_a_redirect_leads_is_told(
    location: str, where: str, authority: Authority
) -> None:
    async with peer(always(redirect(location)), authority.context()) as port:
        found = await look_at(port, authority)
    assert (found.reason, found.detail) == (Reason.REDIRECTED_ELSEWHERE, where)


CERTIFICATES: dict[str, tuple[dict[str, Any], Reason]] = {
    "for another name": ({"name": "other.lab.test"}, Reason.TLS_WRONG_NAME),
    "expired": ({"days": (-30, -1)}, Reason.TLS_EXPIRED),
    "not yet valid": ({"days": (1, 30)}, Reason.TLS_EXPIRED),
    "self-signed": ({"own": True}, Reason.TLS_UNTRUSTED),
}


@pytest.mark.parametrize(("how", "reason"), CERTIFICATES.values(), ids=CERTIFICATES.keys())
async def test_bad_certificate(how: dict[str, Any], reason: Reason, authority: Authority) -> None:
    async with peer(nodeinfo(DOCUMENT), authority.context(**how)) as port:
        found = await look_at(port, authority)
    assert (found.reason, found.software) == (reason, None)


async def test_unknown_authority(authority: Authority) -> None:
    async with peer(nodeinfo(DOCUMENT), authority.context()) as port:
        found = await probe_nodeinfo(f"https://{NAME}:{port}", address="127.0.0.1", limits=LIMITS)
    assert found.reason is Reason.TLS_UNTRUSTED


async def test_certificates_are_judged_as_other_pods_judge_them(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests' certificates name no key of their authority's: that is for strict readers."""

    def as_python_3_13_does(cafile: str | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", as_python_3_13_does)
    dialling._trust.cache_clear()
    try:
        async with peer(nodeinfo(DOCUMENT), authority.context()) as port:
            found = await look_at(port, authority)
    finally:
        dialling._trust.cache_clear()
    assert (found.reason, found.detail) == (None, "")


async def test_no_tls_where_tls_should_be(authority: Authority) -> None:
    async def grumble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b"", "400 Bad Request"))
        await writer.drain()

    async with await asyncio.start_server(grumble, "127.0.0.1", 0) as server:
        found = await look_at(server.sockets[0].getsockname()[1], authority)
    assert found.reason is Reason.TLS_FAILED


async def test_handshake_that_never_ends(authority: Authority) -> None:
    with listener(accepts=True) as port:
        found = await look_at(port, authority, HASTY)
    assert found.reason is Reason.TLS_TIMED_OUT
    assert found.seconds["tls"] >= 0.5


async def test_refused(authority: Authority) -> None:
    found = await look_at(free_port(), authority)
    assert found.reason is Reason.REFUSED


async def test_black_hole(authority: Authority) -> None:
    with listener(accepts=False) as port:
        found = await look_at(port, authority, HASTY)
    assert found.reason is Reason.CONNECT_TIMED_OUT


async def test_name_that_does_not_resolve() -> None:
    found = await probe_nodeinfo("https://nowhere.invalid", limits=LIMITS)
    assert found.reason in (Reason.NAME_UNRESOLVED, Reason.NAME_TIMED_OUT)


@pytest.mark.parametrize("url", ["https://", "gopher://x", "https://a b", "https://x:99999", "[::"])
async def test_no_address_of_a_pod(url: str) -> None:
    assert (await probe_nodeinfo(url)).reason is Reason.BAD_URL


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.0.0.1", "[::1]", "169.254.169.254"])
async def test_private_addresses_are_left_alone(host: str) -> None:
    found = await probe_nodeinfo(f"https://{host}", limits=LIMITS)
    assert (found.reason, found.address) == (Reason.PRIVATE_ADDRESS, None)


async def test_private_addresses_may_be_allowed(authority: Authority) -> None:
    async with peer(nodeinfo(DOCUMENT), authority.context("localhost")) as port:
        found = await probe_nodeinfo(
            f"https://localhost:{port}",
            ca_file=authority.ca_file,
            limits=Limits(allow_private=True),
        )
    assert (found.reason, found.software) == (None, "diaspora")


async def test_one_bad_peer_does_not_change_anothers_result(authority: Authority) -> None:
    async with (
        peer(dripping, authority.context()) as bad,
        peer(nodeinfo(DOCUMENT), authority.context()) as good,
    ):
        found = await asyncio.gather(
            *(look_at(bad, authority, HASTY) for _ in range(2)), look_at(good, authority)
        )
    assert [each.software for each in found] == [None, None, "diaspora"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def listener(*, accepts: bool) -> Iterator[int]:
    """A listening socket that nobody reads: with a full backlog, connections hang as well."""
    with socket.socket() as listening, contextlib.ExitStack() as fillers:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8 if accepts else 0)
        port: int = listening.getsockname()[1]
        for _ in range(0 if accepts else 4):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port
