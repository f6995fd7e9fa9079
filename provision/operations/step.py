"""Step, the unit of an operation, and the one way in which steps are run, resumed and undone.

A cut never decides: a step that was interrupted is done again, in the direction the operation
had. Only a step that fails turns the operation round; then what was begun is undone, last first.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.errors import Exit, NotSafe, PodfleetError
from provision.operations.journal import Journal, Progress, progress, sync_filesystems

Evidence = Mapping[str, Any]
NOTHING: Evidence = {}


class Cut(Exception):
    """The host is going down: nobody failed, and the operation goes on after the boot."""


@dataclass(frozen=True)
class Step:
    """One idempotent piece of work. `before` looks (and touches nothing); what it saw is on the
    disk before `do` begins, and is given to `do` and `undo`, also after a cut."""

    name: str
    do: Callable[[Evidence], Evidence | None]
    undo: Callable[[Evidence], None] | None = None
    before: Callable[[], Evidence] | None = None
    # From here on nothing can be taken back: a failure stays where it is, to be gone on with.
    no_return: bool = False
    # What a person does on the host where `undo` fails: exact words.
    by_hand: str = ""


@dataclass(frozen=True)
class Run:
    """Runs the steps of one operation, from wherever its journal says they are."""

    # Asked again after each step: what a preflight finds decides which steps follow.
    steps: Callable[[], Sequence[Step]]
    journal: Journal
    # What must be on the disk before a step counts as done.
    filesystems: Sequence[Path]
    where: str
    is_going_down: Callable[[], bool] = lambda: False
    # Called with the exit code and the text before the verdict is written; may be called again.
    conclude: Callable[[Exit, str], None] = lambda code, text: None

    def resume(self) -> int:
        """Goes on to the verdict and returns its exit code."""
        self.journal.mend()
        state = progress(self.journal.lines())
        if state.verdict is not None:
            return int(state.verdict["exit"])
        if state.begun is None:
            self.journal.write("begin", text=", ".join(step.name for step in self.steps()))
        if not state.is_turned and self._forward(state):
            return self._verdict(Exit.DONE, "done")
        return self._back(progress(self.journal.lines()))

    def _forward(self, state: Progress) -> bool:
        done = set(state.done)
        while step := next((step for step in self.steps() if step.name not in done), None):
            if not self._do(step, state):
                return False
            done.add(step.name)
        return True

    def _do(self, step: Step, state: Progress) -> bool:
        began = time.monotonic()
        try:
            seen = state.before.get(step.name)
            if seen is None:
                seen = step.before() if step.before else NOTHING
            self.journal.write("start", step.name, evidence=dict(seen))
            evidence = step.do(seen) or NOTHING
            sync_filesystems(self.filesystems)
        except Cut:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the step has failed: turn round
            self._refuse_while_going_down(error)
            self.journal.write("failed", step.name, text=in_words(error), seconds=_since(began))
            return False
        self.journal.write("done", step.name, seconds=_since(began), evidence=dict(evidence))
        return True

    def _back(self, state: Progress) -> int:
        steps = self.steps()
        if any(step.no_return and step.name in state.before for step in steps):
            text = f"{state.failure}\nNothing is taken back: run the same command again to go on."
            return self._verdict(Exit.REFUSED, text)
        for step in reversed(steps):
            if step.undo is None or step.name not in state.before or step.name in state.undone:
                continue
            began = time.monotonic()
            try:
                self.journal.write("undo", step.name)
                step.undo(state.before[step.name])
                sync_filesystems(self.filesystems)
            except Cut:
                raise
            except Exception as error:  # noqa: BLE001 - the way back is blocked: a person has to
                self._refuse_while_going_down(error)
                return self._verdict(Exit.NOT_SAFE, self._by_hand(state, step, error))
            self.journal.write("undone", step.name, seconds=_since(began))
        return self._verdict(Exit.REFUSED, state.failure)

    def _by_hand(self, state: Progress, step: Step, error: Exception) -> str:
        return (
            f"{state.failure}\nUndoing `{step.name}` failed as well: {in_words(error)}\n"
            f"{step.by_hand or 'Mend that by hand on the host, then run the same command again.'} "
            f"The journal is {self.journal.path}."
        )

    def _refuse_while_going_down(self, error: Exception) -> None:
        """A database that stops because the host does is no failure of the step."""
        if self.is_going_down():
            raise Cut(self.where) from error

    def _verdict(self, code: Exit, text: str) -> int:
        try:
            self.conclude(code, text)
        except Exception as error:  # noqa: BLE001 - what is kept for later never holds a verdict up
            self.journal.write(
                "note", text=f"what it leaves behind is not whole: {in_words(error)}"
            )
        self.journal.write("verdict", exit=int(code), text=text)
        return int(code)


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)


def in_words(error: Exception) -> str:
    """What a person is told of an error; a program's own last words, where there are some."""
    if isinstance(error, PodfleetError):
        return str(error)
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr or error.stdout or b""
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        program = error.cmd[0] if isinstance(error.cmd, (list, tuple)) else error.cmd
        return f"`{program}` ended with {error.returncode}: {text.strip()[-2000:]}"
    return f"{type(error).__name__}: {error}"


__all__ = ["NOTHING", "Cut", "Evidence", "NotSafe", "Run", "Step", "in_words"]
