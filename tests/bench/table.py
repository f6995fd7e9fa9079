"""The bench's table: each figure beside its goal and what it is compared with, in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from provision.columns import columns

HEADS = ("FIGURE", "MEASURED", "GOAL", "REACHED", "COMPARED WITH", "THAT TOOK")


@dataclass(frozen=True)
class Figure:
    """One row; seconds unless `unit` says otherwise, and `goal` is the most it may be."""

    what: str
    measured: float
    goal: float | None = None
    compared_with: str = "-"
    theirs: float | None = None
    unit: str = "s"
    # For a ratio: the least it may be.
    is_least: bool = False

    def cells(self) -> tuple[str, ...]:
        return (
            self.what,
            self._in_unit(self.measured),
            "-" if self.goal is None else f"{'>=' if self.is_least else '<='} {self.goal:g}",
            self._reached(),
            self.compared_with,
            "-" if self.theirs is None else self._in_unit(self.theirs),
        )

    def _reached(self) -> str:
        if self.goal is None:
            return "-"
        reached = self.measured >= self.goal if self.is_least else self.measured <= self.goal
        return "yes" if reached else "NO"

    def _in_unit(self, value: float) -> str:
        return f"{value:.2f} {self.unit}"


def table(figures: list[Figure]) -> list[str]:
    return columns(HEADS, [figure.cells() for figure in figures])


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, once."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def median_seconds(work: Callable[[], object], times: int = 5) -> float:
    """The median of several runs: machines are noisy."""
    return statistics.median(seconds(work) for _ in range(times))
