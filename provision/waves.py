"""Work that goes through a fleet in waves: some at once, and the first red is the last to begin.

What was begun is followed to its end; what was not is named, so that a rerun can go on there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from provision.errors import PodfleetError

Part = TypeVar("Part")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Result(Generic[Part, Made]):
    """What came of one part: what it made, why it did not, or neither: it was not attempted."""

    part: Part
    made: Made | None = None
    error: PodfleetError | None = None

    @property
    def was_attempted(self) -> bool:
        return self.made is not None or self.error is not None


def wave(
    parts: Sequence[Part],
    work: Callable[[Part], Made],
    *,
    parallel: int,
    let_go: Callable[[], None],
) -> list[Result[Part, Made]]:
    """Does the work for all parts, `parallel` at once; after the first red none is begun.

    `let_go` releases whoever waits for a host, where the user interrupts.
    """
    stopped = threading.Event()

    def attempt(part: Part) -> Result[Part, Made]:
        if stopped.is_set():
            return Result(part)
        try:
            return Result(part, made=work(part))
        except PodfleetError as error:
            stopped.set()
            return Result(part, error=error)
        except BaseException:
            stopped.set()
            raise

    with ThreadPoolExecutor(max_workers=max(1, parallel)) as threads:
        tasks = [threads.submit(attempt, part) for part in parts]
        try:
            return [task.result() for task in tasks]
        except KeyboardInterrupt:
            stopped.set()
            _give_up(tasks, let_go)
            raise


def _give_up(tasks: Iterable[Future[Result[Part, Made]]], let_go: Callable[[], None]) -> None:
    for task in tasks:
        task.cancel()
    let_go()


def is_red(results: Iterable[Result[Part, Made]]) -> bool:
    """Whether something failed."""
    return any(result.error for result in results)
