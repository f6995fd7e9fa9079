"""The peers that the bench probes: one TLS server in a process of its own, as quick as Python is.

`python -m tests.bench.peers_served CERTIFICATE KEY` prints its port and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from typing import cast

import uvloop

DOCUMENT = {
    "version": "2.1",
    "software": {"name": "diaspora", "version": "0.9.1.0"},
    "protocols": ["diaspora"],
    "services": {"inbound": [], "outbound": []},
    "openRegistrations": True,
    "usage": {"users": {"total": 2, "activeHalfyear": 1, "activeMonth": 1}},
    "metadata": {"nodeName": "alpha"},
}
LINKS = {
    "links": [
        {
            "rel": f"http://nodeinfo.diaspora.software/ns/schema/{version}",
            "href": f"/nodeinfo/{version}",
        }
        for version in ("1.0", "2.0", "2.1")
    ]
}


def _response(value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Server: nginx\r\nX-Frame-Options: SAMEORIGIN\r\n\r\n" + body


ANSWERS = {b"/.well-known/nodeinfo": _response(LINKS), b"/nodeinfo/2.1": _response(DOCUMENT)}


class Served(asyncio.Protocol):
    """One connection: a request a segment, which is how probes send them."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWERS[data.split(b" ", 2)[1]])


async def serve(certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Served, "127.0.0.1", 0, ssl=context, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:3]))
