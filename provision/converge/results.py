"""Reads Ansible's results, which the callback plugin tells as JSON lines.

What changed is what Ansible says has changed, down to the item of a loop.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from provision.report import Report

# Of a long output the end says what went wrong.
_SAID_CHARACTERS = 1000


@dataclass(frozen=True)
class Change:
    """One task, or one item of its loop, that changed the host."""

    role: str
    task: str
    item: str | None = None

    def __str__(self) -> str:
        return f"{self.role}: {self.task}" + (f" ({self.item})" if self.item else "")


@dataclass(frozen=True)
class Failure:
    """The task that ended the run, and what it said."""

    role: str
    task: str
    item: str | None
    said: str
    is_unreachable: bool = False


@dataclass
class Results:
    """What the lines told so far."""

    changed: list[Change] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    failure: Failure | None = None

    def take(self, line: dict[str, Any]) -> None:
        """Take one line that is a result."""
        if line["event"] in ("item failed", "failed", "unreachable"):
            # An item's failure comes before its task's, and says more.
            self.failure = self.failure or _failure(line)
        elif line["action"].endswith("debug"):
            self._take_notice(line)
        elif line["changed"]:
            self._take_change(Change(line["role"], line["task"], line["item"]))

    def _take_notice(self, line: dict[str, Any]) -> None:
        """A role's words; several roles may say the same."""
        said = str(line["said"].get("msg", ""))
        if said not in self.notices:
            self.notices.append(said)

    def _take_change(self, change: Change) -> None:
        """A loop's items come first, then the task as a whole: the items say it already."""
        told = any((one.role, one.task) == (change.role, change.task) for one in self.changed)
        if change.item is not None or not told:
            self.changed.append(change)


def read_results(lines: Iterable[str], report: Report, where: str) -> Results:
    """Follow a run to its end; each role is a step of the report."""
    results, role = Results(), ""
    with ExitStack() as step:
        for text in lines:
            line = _parsed(text)
            if line is None:
                report.line(f"{where}: {text.rstrip()}")
            elif line["event"] != "task":
                results.take(line)
            elif line["role"] != role:
                step.close()
                role = line["role"]
                step.enter_context(report.step(f"role {role}", where))
    return results


def _parsed(text: str) -> dict[str, Any] | None:
    """The line as the plugin wrote it; None for whatever else Ansible prints."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "event" in line else None


def _failure(line: dict[str, Any]) -> Failure:
    said = {key: str(value).strip() for key, value in line["said"].items()}
    # Of what it printed the end; a module often repeats its standard error in its message.
    words = [said.get("msg", ""), said.get("stdout", "")[-_SAID_CHARACTERS:]]
    words += [] if said.get("stderr", "") in words[0] else [said["stderr"][-_SAID_CHARACTERS:]]
    return Failure(
        line["role"],
        line["task"],
        line["item"],
        "\n".join(word for word in words if word) or "it said nothing",
        line["event"] == "unreachable",
    )
