"""As much of HTTP/1.1 as a probe needs, every read bounded in bytes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from http import HTTPStatus

from monitoring.prober.failure import ProbeFailed
from monitoring.prober.limits import Limits
from monitoring.prober.line import Line
from monitoring.reasons import Reason

_CHUNK_LINE_BYTES = 1024
# 103 Early Hints and the like before an answer: a few are in order.
_INTERIM_ANSWERS = 8
_NO_BODY = frozenset(
    {HTTPStatus.SWITCHING_PROTOCOLS, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
)


@dataclass(frozen=True)
class Answer:
    """A response: header names in lower case, the body as it was before compression."""

    status: int
    headers: dict[str, str]
    body: bytes
    # Whether another request may follow on the same connection.
    is_reusable: bool


async def exchange(line: Line, request: bytes, limits: Limits, *, head: bool = False) -> Answer:
    """Sends one request and reads its answer to the end."""
    try:
        line.send(request)
        return await _read_answer(line, limits, head)
    except OSError as error:
        if isinstance(error, TimeoutError):
            raise
        raise ProbeFailed(Reason.CUT_SHORT, error.strerror or type(error).__name__) from error


async def _read_answer(line: Line, limits: Limits, head: bool) -> Answer:
    version, status, headers = await _read_final_head(line, limits.header_bytes)
    is_reusable = version != "HTTP/1.0" and headers.get("connection", "").lower() != "close"
    if head or status in _NO_BODY:
        return Answer(status, headers, b"", is_reusable)
    body, is_framed = await _read_body(line, headers, limits.body_bytes)
    body = _decompress(body, headers.get("content-encoding", ""), limits.body_bytes)
    return Answer(status, headers, body, is_reusable and is_framed)


async def _read_final_head(line: Line, limit: int) -> tuple[str, int, dict[str, str]]:
    for _ in range(_INTERIM_ANSWERS + 1):
        version, status, headers = await _read_head(line, limit)
        # Whoever switches to another protocol says nothing more in this one.
        if not 100 <= status < 200 or status == HTTPStatus.SWITCHING_PROTOCOLS:
            return version, status, headers
    raise ProbeFailed(Reason.TOO_LARGE, "its interim answers never end")


async def _read_head(line: Line, limit: int) -> tuple[str, int, dict[str, str]]:
    head = await _read_until_blank_line(line, limit)
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
        raise ProbeFailed(Reason.NOT_HTTP, "no HTTP/1.x status line")
    return version, int(code), _parse_headers(lines)


async def _read_until_blank_line(line: Line, limit: int) -> bytes:
    # Looked at first, so that a server of another protocol is called so at once.
    start = await line.exactly(5)
    if start != b"HTTP/":
        raise ProbeFailed(Reason.NOT_HTTP, "no HTTP/1.x status line")
    return start + await line.until(b"\r\n\r\n", limit)


def _parse_headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _read_body(line: Line, headers: dict[str, str], limit: int) -> tuple[bytes, bool]:
    """The body, and whether its end was told by something else than the connection's end."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunks(line, limit), True
    if "content-length" in headers:
        length = _length(headers["content-length"])
        if length > limit:
            raise ProbeFailed(Reason.TOO_LARGE, f"it announces {length} bytes")
        return await line.exactly(length), True
    return await _read_to_the_end(line, limit), False


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ProbeFailed(Reason.NOT_HTTP, "its Content-Length is no number")
    return int(text)


async def _read_to_the_end(line: Line, limit: int) -> bytes:
    body = bytearray()
    while part := await line.some():
        body += part
        if len(body) > limit:
            raise ProbeFailed(Reason.TOO_LARGE, f"more than {limit} bytes")
    return bytes(body)


async def _read_chunks(line: Line, limit: int) -> bytes:
    body = bytearray()
    while size := await _chunk_size(line):
        if len(body) + size > limit:
            raise ProbeFailed(Reason.TOO_LARGE, f"more than {limit} bytes")
        body += await line.exactly(size)
        await line.exactly(2)
    for _ in range(64):
        if await line.until(b"\r\n", _CHUNK_LINE_BYTES) == b"\r\n":
            return bytes(body)
    raise ProbeFailed(Reason.TOO_LARGE, "its trailers never end")


async def _chunk_size(line: Line) -> int:
    text = (await line.until(b"\r\n", _CHUNK_LINE_BYTES)).partition(b";")[0].strip()
    try:
        if not text.isalnum():
            raise ValueError
        return int(text, 16)
    except ValueError as error:
        raise ProbeFailed(Reason.NOT_HTTP, "a chunk without its size") from error


def _decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """We ask for `identity`; a server that compresses all the same is read, up to the limit."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ProbeFailed(Reason.NOT_HTTP, "an encoding that was not asked for")
    try:
        stream = zlib.decompressobj(wbits=47 if encoding != "deflate" else zlib.MAX_WBITS)
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise ProbeFailed(Reason.CUT_SHORT, "its compression is broken") from error
    if len(plain) > limit:
        raise ProbeFailed(Reason.TOO_LARGE, f"more than {limit} bytes once unpacked")
    if not stream.eof:
        raise ProbeFailed(Reason.CUT_SHORT, "its compression ends in the middle")
    return plain
