"""A real server on loopback that behaves as the test says, well or badly, down to single bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

Handler = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

DOCUMENT: dict[str, Any] = {
    "version": "2.1",
    "software": {"name": "diaspora", "version": "0.9.1.0"},
    "protocols": ["diaspora"],
    "services": {"inbound": [], "outbound": []},
    "openRegistrations": True,
    "usage": {"users": {"total": 2, "activeHalfyear": 1, "activeMonth": 1}},
    "metadata": {"nodeName": "alpha"},
}


def links(*versions: str, base: str = "") -> bytes:
    """A well-known document that offers these versions."""
    schema = "http://nodeinfo.diaspora.software/ns/schema/"
    return json.dumps(
        {"links": [{"rel": schema + v, "href": f"{base}/nodeinfo/{v}"} for v in versions]}
    ).encode()


def response(
    body: bytes, status: str = "200 OK", kind: str = "application/json", **headers: str
) -> bytes:
    """A whole HTTP response; header names take _ for -."""
    fields = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{n.replace('_', '-')}: {v}" for n, v in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answering(pages: dict[str, bytes]) -> Handler:
    """Answers each path with its response, others with 404."""

    async def handle(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(pages.get(path) or response(b"nothing here", "404 Not Found", "text/plain"))

    return handle


def nodeinfo(document: bytes | dict[str, Any], version: str = "2.1") -> Handler:
    """A server with this document under one version."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return answering(
        {
            "/.well-known/nodeinfo": response(links(version)),
            f"/nodeinfo/{version}": response(body),
        }
    )


@contextlib.asynccontextmanager
async def peer(handler: Handler, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Serves on a free port of 127.0.0.1 while the block lasts; the port."""
    connections: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ")[1].decode()
                await handler(path, reader, writer)
                await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in connections:
            writer.transport.abort()
        await asyncio.sleep(0)
