"""Looking names up in threads of our own: slow names wait beside the others, not before them.

getaddrinfo blocks its thread for as long as name servers are silent. So a name that was found the
last time never queues behind one that was not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from monitoring.prober.addresses import is_public, name_failure
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.target import Target
from monitoring.reasons import Reason

_log = logging.getLogger(__name__)

LookUp = Callable[[str, int], list[str]]
Asker = TypeVar("Asker")

# Read by glibc in each new thread: two tries of 2 s each, instead of two of 5 s.
_RESOLVER = ("RES_OPTIONS", "timeout:2 attempts:2")
FOUND_BEFORE_THREADS = 32
OTHER_THREADS = 192


def be_brief() -> None:
    """Lets the resolver of this process give silent name servers up sooner, unless it was told."""
    os.environ.setdefault(*_RESOLVER)


@dataclass(frozen=True)
class Found:
    """What a name says: addresses that may be connected to, in order of preference, or why not."""

    addresses: tuple[str, ...] = ()
    failure: ProbeFailed | None = None
    seconds: float = 0.0


class Names(Generic[Asker]):
    """Looks many names up at once; the threads are gone when all is found."""

    def __init__(self, look_up: LookUp, *, allow_private: bool) -> None:
        self._look_up, self._allow_private = look_up, allow_private
        self._found: deque[tuple[Asker, Target, Found]] = deque()
        self._is_awake = asyncio.Event()
        # The loop is woken once for many names: that is dearer than finding one in a cache.
        self._is_waking = threading.Lock()
        self._loop = asyncio.get_running_loop()

    async def find(
        self, asked: Sequence[tuple[Asker, Target]], threads: int
    ) -> AsyncGenerator[tuple[Asker, Target, Found], None]:
        """Each with what its name says, as that becomes known; begun in this order."""
        waiting = iter(asked)
        for _ in range(min(threads, len(asked))):
            # Daemons: who ends the process does not wait for name servers.
            threading.Thread(target=self._work, args=(waiting,), daemon=True).start()
        try:
            for _ in asked:
                while not self._found:
                    await self._is_awake.wait()
                    self._is_awake.clear()
                yield self._found.popleft()
        finally:
            # Whoever looks no further leaves nothing for the threads to do.
            deque(waiting, maxlen=0)

    def _work(self, waiting: Iterator[tuple[Asker, Target]]) -> None:
        for asker, target in waiting:
            self._found.append((asker, target, self._find(target)))
            if self._is_waking.acquire(blocking=False):
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._is_waking.release()
        self._is_awake.set()

    def _find(self, target: Target) -> Found:
        started = time.monotonic()
        try:
            addresses = tuple(self._allowed(self._look_up(target.host, target.port)))
        except ProbeFailed as failed:
            return Found((), failed, time.monotonic() - started)
        except (OSError, UnicodeError) as error:
            return Found((), name_failure(error, target.host), time.monotonic() - started)
        except Exception:  # noqa: BLE001 - the cycle waits for what each name says.
            _log.exception("Finding %r broke", target.host)
            return Found((), ProbeFailed(Reason.PROBE_BROKE), time.monotonic() - started)
        return Found(addresses, None, time.monotonic() - started)

    def _allowed(self, found: list[str]) -> list[str]:
        allowed = [each for each in found if self._allow_private or is_public(each)]
        if not allowed:
            raise ProbeFailed(Reason.PRIVATE_ADDRESS, ", ".join(found)[:80])
        routed = [each for each in allowed if has_route(each)]
        if not routed:
            raise ProbeFailed(Reason.NO_ROUTE, ", ".join(allowed)[:80])
        return routed


def has_route(address: str) -> bool:
    """Whether this host has a way there at all; asks the kernel and sends nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((address, 9))
    except OSError:
        return False
    return True
