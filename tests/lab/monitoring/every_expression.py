"""Every PromQL expression of rules, dashboard and Grafana, and which ones had series so far."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import monitoring.grafana
from monitoring.dashboard import panels
from monitoring.rules import expressions as of_rules
from monitoring.rules import records

_GRAFANA = Path(monitoring.grafana.__file__).with_name("podfleet.json")
_STEPS = re.compile(r"\[\w+:\w+\]")
Counts = Mapping[str, int | str]


def every_expression() -> dict[str, str]:
    """By where it stands. A rule's name may stand for several; `$pod` is any."""
    return {name: _in_a_young_fleet(text) for name, text in _as_they_stand().items()}


def _in_a_young_fleet(text: str) -> str:
    """Looks back in steps of hours fall on whole hours: a fleet of some minutes has none of them
    behind it. So the steps are short here, also within what is recorded."""
    for record in records():
        if _STEPS.search(record.expression):
            name = re.escape(record.name)
            text = re.sub(rf"(?<![\w:]){name}(?![\w:])", f"({record.expression})", text)
    return _STEPS.sub("[1h:15s]", text)


def _as_they_stand() -> dict[str, str]:
    found = {f"rules: {name} {place}": text for place, (name, text) in enumerate(of_rules())}
    found |= {f"dashboard: {name}": text for name, text in panels.expressions().items()}
    for panel in json.loads(_GRAFANA.read_text(encoding="utf-8"))["panels"]:
        for place, target in enumerate(panel.get("targets", [])):
            found[f"grafana: {panel['title']} {place}"] = target["expr"].replace("$pod", ".*")
    return found


@dataclass
class Seen:
    """The most series that each expression had at once, or what Prometheus said against it."""

    wanted: dict[str, str] = field(default_factory=every_expression)
    most: dict[str, int | str] = field(default_factory=dict)

    def missing(self) -> dict[str, str]:
        """Those that had none yet."""
        return {name: text for name, text in self.wanted.items() if not self._has(name)}

    def _has(self, name: str) -> bool:
        found = self.most.get(name, 0)
        return isinstance(found, int) and found > 0

    def ask(self, counts: Callable[[Mapping[str, str]], Counts]) -> None:
        """Once, for what is missing."""
        if missing := self.missing():
            self.most.update(counts(missing))


@contextlib.contextmanager
def looking(
    counts: Callable[[Mapping[str, str]], Counts], every_seconds: float = 10
) -> Iterator[Seen]:
    """Asks again and again while the block lasts: some hold only while something is broken."""
    seen, is_over = Seen(), threading.Event()

    def look() -> None:
        while not is_over.wait(every_seconds):
            # A host of the tests may be away for a moment.
            with contextlib.suppress(AssertionError, ValueError):
                seen.ask(counts)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()
