"""A cell of a table: its text, its tone, and a note; the tone is told in words, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from monitoring.dashboard.freshness import Fresh
from monitoring.dashboard.wording import UNKNOWN

Tone = Literal["plain", "good", "warn", "bad", "unknown"]


@dataclass(frozen=True)
class Cell:
    """`note` stands small below the text."""

    text: str
    tone: Tone = "plain"
    note: str = ""
    link: str = ""


def cell(
    value: float | None,
    say: Callable[[float], str],
    judge: Callable[[float], Tone] = lambda _: "plain",
    fresh: Fresh | None = None,
    link: str = "",
) -> Cell:
    """A value in words; stale where its source is, and never a number where there is none."""
    words = fresh.words if fresh else ""
    if value is None:
        return Cell(UNKNOWN, "unknown", words, link)
    if fresh and (fresh.is_stale or fresh.is_failing):
        return Cell(say(value), "unknown", words, link)
    return Cell(say(value), judge(value), "", link)


def as_of(known: Cell, fresh: Fresh) -> Cell:
    """The same where its source is fresh; else as what was known when it was last read."""
    if not fresh.words:
        return known
    note = ", ".join(part for part in (known.note, fresh.words) if part)
    return replace(known, tone="unknown", note=note)


def below(warn: float, bad: float) -> Callable[[float], Tone]:
    """Bad below `bad`, to be watched below `warn`."""
    return lambda value: "bad" if value < bad else "warn" if value < warn else "good"


def above(warn: float, bad: float) -> Callable[[float], Tone]:
    """The same, the other way round."""
    return lambda value: "bad" if value > bad else "warn" if value > warn else "good"


def yes_or_no(yes: str, no: str) -> tuple[Callable[[float], str], Callable[[float], Tone]]:
    """How to say and to judge what is 1 where all is well."""
    return (lambda value: yes if value else no), (lambda value: "good" if value else "bad")
