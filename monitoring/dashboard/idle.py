"""Ends the server when nobody has asked anything for a while; systemd's socket starts it again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send


class Idle:
    """Counts the requests that are being answered, and remembers when the last one ended."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        self._app, self._clock = app, clock
        self._running, self._since = 0, clock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1
            self._since = self._clock()

    @property
    def seconds(self) -> float:
        """For how long nothing has been asked."""
        return 0 if self._running else self._clock() - self._since

    async def wait(self, most_seconds: float) -> None:
        """Returns when it has been idle for so long."""
        while (left := most_seconds - self.seconds) > 0:
            await asyncio.sleep(min(left, most_seconds))
