"""An open connection, in TLS or not: read in small pieces, and watched as seldom as possible.

asyncio's streams, and uvloop's TLS below them, may fill a quarter of a megabyte each. OpenSSL on
the socket itself asks the kernel twice a record. Here it works on memory, and one call fills that.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from monitoring.prober.failure import ProbeFailed
from monitoring.reasons import Reason

T = TypeVar("T")

# The most that one TLS record holds.
_PIECE_BYTES = 16 * 1024


class Line:
    """Whoever reads says how much at most; nothing is read ahead of that but one piece."""

    def __init__(self, opened: socket.socket, address: str) -> None:
        opened.setblocking(False)
        self.address = address
        self.tls: ssl.SSLObject | None = None
        self._socket = opened
        # What was encrypted by the other side, and what is to go there.
        self._inside, self._outside = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None
        self._is_watched = False

    async def shake_hands(self, context: ssl.SSLContext, name: str) -> None:
        """Begins TLS and verifies the certificate for this name.

        Its last word goes out with the first request: so the server wakes up once for both.
        """
        self.tls = context.wrap_bio(self._inside, self._outside, server_hostname=name)
        await self._through(self.tls.do_handshake)

    async def send(self, data: bytes) -> None:
        if self.tls is None:
            await self._push(data)
        else:
            tls = self.tls
            await self._through(lambda: tls.write(data))
            await self._flush()

    async def exactly(self, count: int) -> bytes:
        """So many bytes."""
        while len(self._buffer) < count:
            await self._read_on()
        return self._take(count)

    async def until(self, end: bytes, limit: int) -> bytes:
        """All up to and with `end`, unless that takes more than `limit` bytes."""
        searched = 0
        while (found := self._buffer.find(end, searched)) < 0:
            if len(self._buffer) > limit:
                raise ProbeFailed(Reason.TOO_LARGE, "its headers or chunk lines never end")
            searched = max(len(self._buffer) - len(end) + 1, 0)
            await self._read_on()
        return self._take(found + len(end))

    async def some(self) -> bytes:
        """What comes next; nothing at the end."""
        return self._take(len(self._buffer)) if self._buffer else await self._receive()

    def hang_up(self) -> None:
        """Ends it at once: a peer that never closes its side must not keep us waiting."""
        if self._is_watched:
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _read_on(self) -> None:
        piece = await self._receive()
        if not piece:
            raise ProbeFailed(Reason.CUT_SHORT, f"after {len(self._buffer)} bytes")
        self._buffer += piece

    async def _receive(self) -> bytes:
        if self.tls is None:
            return await self._pull()
        tls = self.tls
        try:
            return await self._through(lambda: tls.read(_PIECE_BYTES))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def _through(self, what: Callable[[], T]) -> T:
        """Does something with TLS, and carries to and fro what that takes."""
        while True:
            try:
                return what()
            except ssl.SSLWantReadError:
                await self._flush()
            if piece := await self._pull():
                self._inside.write(piece)
            else:
                self._inside.write_eof()

    async def _flush(self) -> None:
        if self._outside.pending:
            await self._push(self._outside.read())

    async def _push(self, data: bytes) -> None:
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            await self._loop.sock_sendall(self._socket, data[sent:])

    async def _pull(self) -> bytes:
        while True:
            try:
                return self._socket.recv(_PIECE_BYTES)
            except BlockingIOError:
                await self._readable()

    async def _readable(self) -> None:
        self._waiting = self._loop.create_future()
        if not self._is_watched:
            self._loop.add_reader(self._socket.fileno(), self._wake)
            self._is_watched = True
        await self._waiting

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        else:
            # More than anybody waits for: it is left to the kernel.
            self._loop.remove_reader(self._socket.fileno())
            self._is_watched = False
