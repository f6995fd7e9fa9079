"""Looking names up in threads of our own: slow names wait beside the others, not before them.

getaddrinfo blocks its thread for as long as name servers are silent. So a name that was found the
last time never queues behind one that was not.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from monitoring.prober.addresses import families_in_turn, is_public, name_failure
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.target import Target
from monitoring.reasons import Reason

LookUp = Callable[[str, int], list[str]]

# Read by glibc in each new thread: two tries of 2 s each, instead of two of 5 s.
_RESOLVER = ("RES_OPTIONS", "timeout:2 attempts:2")
FOUND_BEFORE_THREADS = 32
OTHER_THREADS = 192


def be_brief() -> None:
    """Lets the resolver of this process give silent name servers up sooner, unless it was told."""
    os.environ.setdefault(*_RESOLVER)


def system_look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return families_in_turn([str(entry[4][0]) for entry in found])


@dataclass(frozen=True)
class Found:
    """What a name says: addresses that may be connected to, in order of preference, or why not."""

    addresses: tuple[str, ...] = ()
    failure: ProbeFailed | None = None
    seconds: float = 0.0


class Names:
    """Threads for one cycle; they are gone when it is over."""

    def __init__(self, threads: int, look_up: LookUp, *, allow_private: bool) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="names")
        self._look_up, self._allow_private = look_up, allow_private

    async def find(self, target: Target) -> Found:
        """Ends when the resolver does; there must not be more at once than there are threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._find, target)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _find(self, target: Target) -> Found:
        started = time.monotonic()
        try:
            addresses = tuple(self._allowed(self._look_up(target.host, target.port)))
        except ProbeFailed as failed:
            return Found((), failed, time.monotonic() - started)
        except (OSError, UnicodeError) as error:
            return Found((), name_failure(error, target.host), time.monotonic() - started)
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
