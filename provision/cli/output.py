"""How the command line shows things: JSON alone on standard output, progress on standard error.

Rich is loaded only where there is a terminal to draw on.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from provision.errors import UsageError
from provision.report import Lines, Report, harmless


@dataclass(frozen=True)
class Output:
    """Where results, progress and questions of one command go."""

    as_json: bool = False

    @contextmanager
    def progress(self) -> Iterator[Report]:
        """What long work reports to: drawn on a terminal, plain lines elsewhere."""
        if not _is_drawable(sys.stderr):
            yield Lines(sys.stderr)
            return
        from provision.cli.drawing import drawing

        with drawing() as report:
            yield report

    def show(self, lines: Iterable[str], document: Any) -> None:
        """A result: `document` where JSON was asked for, else `lines` to read."""
        if self.as_json:
            # Pure ASCII: JSON whatever the locale, and whatever stands in a path or an argument.
            json.dump(document, sys.stdout, indent=2, default=str)
            print()
        else:
            # Elsewhere than on a terminal it stays as it is: a secret is shown to the letter.
            told = map(harmless, lines) if sys.stdout.isatty() else lines
            for line in told:
                print(line)
        # `observe` goes on afterwards, and whoever reads a pipe would see nothing until its end.
        sys.stdout.flush()

    def confirm(self, question: str, *, yes: bool) -> bool:
        """Whether the user agrees; --yes agrees to all. Without a terminal nobody can."""
        if yes:
            return True
        answer = self.ask(f"{question} [y/N]", otherwise="--yes")
        return answer.strip().lower() in ("y", "yes")

    def ask(self, question: str, *, otherwise: str) -> str:
        """The user's answer; `otherwise` names the option to give where nobody can answer."""
        where = question.rstrip(" :")
        if not sys.stdin.isatty():
            raise UsageError(where, "nobody is there to answer", f"Give {otherwise}.")
        print(f"{question} ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise UsageError(where, "there was no answer", f"Give {otherwise}.")
        return line.rstrip("\n")


def _is_drawable(stream: Any) -> bool:
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"
