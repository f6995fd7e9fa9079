"""An open connection, in TLS or not: what comes is read in small pieces, and never far ahead.

asyncio's streams, and uvloop's own TLS below them, may fill half a megabyte for each connection.
Here one buffer serves all of a thread's, and whoever sends more than anybody asked for has to wait.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from typing import TypeVar, cast

from monitoring.prober.failure import ProbeFailed
from monitoring.reasons import Reason

T = TypeVar("T")

# As much as one TLS record holds; with so much unread, the other side has to wait.
_PIECE_BYTES = 16 * 1024


class _Piece(threading.local):
    """Each read is taken out of here before the next one of the same event loop begins."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_PIECE_BYTES))


_PIECE = _Piece()


class Line(asyncio.BufferedProtocol):
    """One connection; made by `asyncio`'s create_connection."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.tls: ssl.SSLObject | None = None
        # What was encrypted by the other side, and what is to go there.
        self._inside, self._outside = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._buffer = bytearray()
        self._waiting: asyncio.Future[None] | None = None
        self._is_paused = self._is_over = False
        self._error: Exception | None = None
        self._gone = asyncio.Event()

    async def shake_hands(self, context: ssl.SSLContext, name: str) -> None:
        """Begins TLS and verifies the certificate for this name.

        Its last word goes out with the first request: so the server wakes up once for both.
        """
        self.tls = context.wrap_bio(self._inside, self._outside, server_hostname=name)
        await self._through(self.tls.do_handshake)

    def send(self, data: bytes) -> None:
        """Little enough at a time that nobody has to wait until it is gone."""
        if self.tls is not None:
            self.tls.write(data)
            data = self._outside.read()
        self._write(data)

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
        if self._buffer or await self._more():
            return self._take(len(self._buffer))
        return b""

    def hang_up(self) -> None:
        """Ends it at once: a peer that never closes its side must not keep us waiting."""
        self._transport.abort()

    async def gone(self) -> None:
        """Returns once the connection is closed, which hanging up only begins."""
        await self._gone.wait()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return _PIECE.view

    def buffer_updated(self, nbytes: int) -> None:
        if self.tls is None:
            self._buffer += _PIECE.view[:nbytes]
        else:
            self._inside.write(_PIECE.view[:nbytes])
        if len(self._buffer) + self._inside.pending >= _PIECE_BYTES:
            self._transport.pause_reading()
            self._is_paused = True
        self._wake()

    def eof_received(self) -> None:
        self._is_over = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_over, self._error = True, error
        self._gone.set()
        self._wake()

    # What happens inside.

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _read_on(self) -> None:
        if not await self._more():
            raise ProbeFailed(Reason.CUT_SHORT, f"after {len(self._buffer)} bytes")

    async def _more(self) -> bool:
        """Whether more came into the buffer; False at the end."""
        before = len(self._buffer)
        if self.tls is None:
            await self._arrival()
        else:
            tls = self.tls
            try:
                self._buffer += await self._through(lambda: tls.read(_PIECE_BYTES))
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return False
        return len(self._buffer) > before

    async def _through(self, what: Callable[[], T]) -> T:
        """Does something with TLS, and carries to and fro what that takes."""
        while True:
            try:
                return what()
            except ssl.SSLWantReadError:
                self._write(self._outside.read())
            if not await self._arrival():
                self._inside.write_eof()

    async def _arrival(self) -> bool:
        """Waits until something arrived; False where nothing will any more."""
        if self._error is not None:
            raise self._error
        if self._is_over:
            return False
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting
        return not self._is_over

    def _write(self, data: bytes) -> None:
        if data and not self._is_over:
            self._transport.write(data)

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
