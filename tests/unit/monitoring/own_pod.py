"""A pod of the fleet as it is seen from outside: its pages over real TLS, at several addresses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.unit.monitoring.peer import DOCUMENT, links, response

NAME = "pod.lab.test"
HERE, ALSO_HERE, V6 = "127.0.0.1", "127.0.0.2", "::1"
ASSET = "/assets/main-0123456789abcdef.css"
PAGES = {
    "/.well-known/nodeinfo": response(links("2.1")),
    "/nodeinfo/2.1": response(json.dumps(DOCUMENT).encode()),
    "/public": response(f'<link href="{ASSET}">'.encode(), kind="text/html"),
    ASSET: response(b"body { margin: 0 }", kind="text/css"),
    "/receive/public": response(b"", "404 Not Found", "text/html"),
}
BROKEN = response(b"sorry", "502 Bad Gateway", "text/html")
ELSEWHERE = response(b"", "301 Moved Permanently", Location="https://www.example.org/")


@dataclass
class Served:
    """A pod that answers as its pages say; what it was asked for is kept."""

    pages: dict[str, bytes] = field(default_factory=lambda: dict(PAGES))
    seen: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.decode().split(" ", 2)
                self.seen.append(f"{method} {path}")
                writer.write(self.pages.get(path) or BROKEN)
                await writer.drain()
        writer.transport.abort()


@contextlib.asynccontextmanager
async def serving(served: Served, *contexts: tuple[str, ssl.SSLContext]) -> AsyncIterator[int]:
    """The pod at each of these addresses with the certificate for it, all at one port."""
    async with contextlib.AsyncExitStack() as servers:
        port = 0
        for address, context in contexts:
            server = await asyncio.start_server(served.serve, address, port, ssl=context)
            await servers.enter_async_context(server)
            port = server.sockets[0].getsockname()[1]
        yield port
