"""The ways podfleet ends, as exit codes, and the errors that lead there.

Every error says *where: what is wrong. What to do.*

    PodfleetError
    ├── Refusal        exit 1   refused, or failed safely
    │   └── Refusals   exit 1   several at once, as loading reports them
    ├── UsageError     exit 2   the command line is wrong
    └── NotSafe        exit 4   podfleet cannot make it safe: a person has to
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code promises."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    BUG = 3
    NOT_SAFE = 4
    INTERRUPTED = 130


class PodfleetError(Exception):
    """Something podfleet says to its user: where, what is wrong, what to do."""

    exit_code = Exit.REFUSED
    # The id of a pod's operation, where this is what became of it.
    operation: str | None = None

    def __init__(self, where: str, what: str, do: str) -> None:
        self.where, self.what, self.do = where, what, do
        super().__init__(where, what, do)

    @property
    def each(self) -> tuple[PodfleetError, ...]:
        """The errors in it: itself, or those that it stands for."""
        return (self,)

    def __str__(self) -> str:
        return f"{self.where}: {self.what.rstrip('.')}. {self.do}".rstrip()


class Refusal(PodfleetError):
    """Refused before anything was touched, or failed and left safe."""


class Refusals(Refusal):
    """Several refusals at once: loading reports every error of a file."""

    def __init__(self, errors: Sequence[PodfleetError]) -> None:
        self.errors = tuple(errors)
        # One that is not safe stays so in company.
        self.exit_code = max(error.exit_code for error in self.errors)
        first = self.errors[0]
        super().__init__(first.where, first.what, first.do)

    @property
    def each(self) -> tuple[PodfleetError, ...]:
        return self.errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class UsageError(PodfleetError):
    """The command line asks for something that cannot be meant."""

    exit_code = Exit.USAGE


class NotSafe(PodfleetError):
    """The way forward and the way back both failed; the text says what to do by hand."""

    exit_code = Exit.NOT_SAFE
