"""Connecting to the first address that answers, and the TLS handshake with its verdict."""

from __future__ import annotations

import asyncio
import errno
import functools
import ssl
import time
from collections.abc import Sequence

from monitoring.prober.failure import ProbeFailed
from monitoring.prober.limits import Limits
from monitoring.prober.line import Line
from monitoring.prober.stages import Stages
from monitoring.prober.target import Target
from monitoring.reasons import Reason

# RFC 8305: how long one address may be silent before the next one is tried beside it.
STAGGER_SECONDS = 0.25

_READ_AGAIN_SECONDS = 86400.0
# Codes of X509_verify_cert(3).
_EXPIRED = frozenset({9, 10})
_WRONG_NAME = frozenset({62, 63, 64})


def trust(ca_file: str | None = None) -> ssl.SSLContext:
    """The system's certificate authorities, or those of one file alone; read anew once a day, for
    authorities come and go while a monitor runs for months.

    Chains are judged as other pods judge them. From Python 3.13 on, its default also refuses those
    that fall short of RFC 5280 in ways that libcurl does not ask about.
    """
    return _trust(ca_file, int(time.monotonic() // _READ_AGAIN_SECONDS))


@functools.lru_cache(maxsize=16)
def _trust(ca_file: str | None, _period: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


async def dial(
    target: Target,
    addresses: Sequence[str],
    stages: Stages,
    limits: Limits,
    context: ssl.SSLContext | None = None,
) -> Line:
    """A connection to one of the addresses, the certificate verified for the target's name."""
    with stages.stage("connect"):
        line = await _first_to_answer(addresses, target.port, limits)
    try:
        with stages.stage("tls"):
            if target.is_tls:
                await _secure(line, target.host, context or trust())
    except BaseException:
        line.hang_up()
        await line.gone()
        raise
    return line


async def _secure(line: Line, name: str, context: ssl.SSLContext) -> None:
    try:
        await line.shake_hands(context, name)
    except ssl.SSLCertVerificationError as error:
        raise ProbeFailed(_distrust(error.verify_code), error.verify_message) from error
    except (ssl.SSLError, OSError) as error:
        raise ProbeFailed(Reason.TLS_FAILED, _words(error)) from error


def _distrust(verify_code: int) -> Reason:
    if verify_code in _EXPIRED:
        return Reason.TLS_EXPIRED
    return Reason.TLS_WRONG_NAME if verify_code in _WRONG_NAME else Reason.TLS_UNTRUSTED


def _words(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or type(error).__name__


async def _first_to_answer(addresses: Sequence[str], port: int, limits: Limits) -> Line:
    """Happy eyeballs: each address starts a moment after the one before, or when that one fails."""
    if len(addresses) == 1:
        return await connect(addresses[0], port, limits)
    return await _Race(addresses, port, limits).run()


async def connect(address: str, port: int, limits: Limits) -> Line:
    """A connection to one address and nothing more."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limits.connect_seconds):
            _, line = await loop.create_connection(lambda: Line(address), address, port)
    except OSError as error:
        raise ProbeFailed(_why_not(error), address) from error
    return line


def _why_not(error: OSError) -> Reason:
    # TimeoutError is an OSError: ours and the kernel's mean the same.
    if isinstance(error, TimeoutError):
        return Reason.CONNECT_TIMED_OUT
    return Reason.REFUSED if error.errno == errno.ECONNREFUSED else Reason.UNREACHABLE


class _Race:
    """Connections to several addresses, of which the first to succeed is kept."""

    def __init__(self, addresses: Sequence[str], port: int, limits: Limits) -> None:
        self._waiting, self._port, self._limits = list(addresses), port, limits
        self._running: set[asyncio.Task[Line]] = set()
        self._failure: BaseException | None = None

    async def run(self) -> Line:
        try:
            while self._waiting or self._running:
                self._start_next()
                if (won := await self._wait()) is not None:
                    return won
        finally:
            await self._give_up_the_rest()
        assert self._failure is not None
        raise self._failure

    def _start_next(self) -> None:
        if self._waiting:
            address = self._waiting.pop(0)
            self._running.add(asyncio.create_task(connect(address, self._port, self._limits)))

    async def _wait(self) -> Line | None:
        patience = STAGGER_SECONDS if self._waiting else None
        done, _ = await asyncio.wait(
            self._running, timeout=patience, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            self._running.discard(task)
            if (error := task.exception()) is None:
                return task.result()
            self._failure = self._failure or error
        return None

    async def _give_up_the_rest(self) -> None:
        for task in self._running:
            task.cancel()
        for result in await asyncio.gather(*self._running, return_exceptions=True):
            if isinstance(result, Line):
                result.hang_up()
