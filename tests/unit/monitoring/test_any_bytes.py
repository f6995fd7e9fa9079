"""Whatever a stranger sends, a probe ends with a finding and never with an error of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import zlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.prober.failure import ProbeFailed
from monitoring.prober.http import Answer, exchange
from monitoring.prober.lenient_json import read_json
from monitoring.prober.limits import Limits
from monitoring.prober.line import Line
from monitoring.prober.nodeinfo import Probe, _Findings
from monitoring.prober.nodeinfo_rules import DOCUMENTS, is_strictly_valid
from tests.unit.monitoring.peer import DOCUMENT

LIMITS = Limits(header_bytes=2048, body_bytes=4096)

words = st.sampled_from(
    [
        "version", "software", "name", "usage", "users", "total", "openRegistrations", "metadata",
        "links", "rel", "href", "protocols", "services", "inbound", "outbound", "2.1", "diaspora",
    ]
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=6),
    max_leaves=20,
)
headers = st.sampled_from(
    [
        b"Content-Length: 3", b"Content-Length: -1", b"Content-Length: 99999999999999999999999",
        b"Transfer-Encoding: chunked", b"Content-Encoding: gzip", b"Content-Encoding: deflate",
        b"Content-Encoding: br", b"Connection: close", b"nonsense", b": empty", b"\xff\xfe: \xff",
    ]
)  # fmt: skip
bodies = st.one_of(
    st.binary(max_size=64),
    st.sampled_from(
        [b"3\r\nabc\r\n0\r\n\r\n", b"zz\r\n", b"5;x=y\r\nabc", zlib.compress(b"x" * 9000)]
    ),
)


async def answer_to(sent: bytes) -> Answer:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(lambda: Line("192.0.2.1"), sock=ours)
    with theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        try:
            return await exchange(line, b"", LIMITS)
        finally:
            line.hang_up()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.0 2", b"HTTP/1.1 100 C", b""]),
       st.lists(headers, max_size=4), bodies)  # fmt: skip
def test_any_answer(first: bytes, lines: list[bytes], body: bytes) -> None:
    sent = b"\r\n".join([first, *lines]) + b"\r\n\r\n" + body
    with contextlib.suppress(ProbeFailed):
        answer = asyncio.run(answer_to(sent))
        assert len(answer.body) <= LIMITS.body_bytes


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_json_or_is_not(body: bytes) -> None:
    with contextlib.suppress(ProbeFailed):
        read_json(body)


@settings(max_examples=200, deadline=None)
@given(values, st.sampled_from(sorted(DOCUMENTS)))
def test_any_document_is_read(document: Any, version: str) -> None:
    findings = _Findings(Probe("https://pod.example.org"))
    with contextlib.suppress(ProbeFailed):
        findings._read(document, version, True)
    found = findings.probe
    assert found.users_total is None or 0 <= found.users_total <= 2**53
    assert found.open_registrations in (None, True, False)
    assert found.strictly_valid is is_strictly_valid(document, version)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(DOCUMENT)), values, max_size=3))
def test_a_document_with_other_members(members: dict[str, Any]) -> None:
    document = {**DOCUMENT, **members}
    findings = _Findings(Probe("https://pod.example.org"))
    with contextlib.suppress(ProbeFailed):
        findings._read(document, "2.1", True)
    assert findings.probe.strictly_valid is is_strictly_valid(document, "2.1")
