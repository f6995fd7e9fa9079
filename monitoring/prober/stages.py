"""Where the time of a probe went, and in which stage it ran out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from monitoring.reasons import Reason

TIMED_OUT = {
    "name": Reason.NAME_TIMED_OUT,
    "connect": Reason.CONNECT_TIMED_OUT,
    "tls": Reason.TLS_TIMED_OUT,
}


class Stages:
    """Seconds by stage, in the order they were entered."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.current = "name"
        self._started = time.monotonic()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What happens inside counts as this stage, also when it fails."""
        self.current, started = name, time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - started
            self.seconds[name] = self.seconds.get(name, 0.0) + spent

    def total(self) -> dict[str, float]:
        """The stages and `total`, rounded to the tenth of a millisecond."""
        seconds = {**self.seconds, "total": time.monotonic() - self._started}
        return {name: round(value, 4) for name, value in seconds.items()}

    def timed_out(self) -> Reason:
        """Why a probe failed whose deadline passed in the current stage."""
        return TIMED_OUT.get(self.current, Reason.ANSWER_TIMED_OUT)
