"""The frame of every probe: one session, one deadline, and a reason instead of an exception."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from monitoring.prober.failure import ProbeFailed
from monitoring.prober.limits import Limits
from monitoring.prober.session import Session
from monitoring.prober.stages import Stages
from monitoring.prober.target import parse_target

Visit = Callable[[Session], Awaitable[None]]


async def visit(
    url: str,
    what: Visit,
    *,
    stages: Stages,
    limits: Limits,
    address: str | None = None,
    ca_file: str | None = None,
    contact: str = "",
) -> ProbeFailed | None:
    """Lets `what` happen at url within the deadline; the failure, if it came to one."""
    try:
        async with asyncio.timeout(limits.deadline_seconds):
            async with Session(
                parse_target(url),
                address=address,
                ca_file=ca_file,
                limits=limits,
                contact=contact,
                stages=stages,
            ) as session:
                await what(session)
    except ProbeFailed as failed:
        return failed
    except TimeoutError:
        return ProbeFailed(stages.timed_out(), f"{limits.deadline_seconds:g} s")
    return None
