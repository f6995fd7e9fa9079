"""The page of all alerts for docs/reference/, read from the rules."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring.rules.reading import TOPICS, Alert, alerts, records, title
from monitoring.rules.rendering import anchor


def alerts_page() -> Iterator[str]:
    """Every alert by its topic: what it compares, for how long, and how loud it is."""
    yield from (
        "# Alerts",
        "",
        "`page` is for now, also at night; `ticket` is for the next day. An alert compares",
        "recorded series, listed below. Each has a section in [the runbook](../runbook.md).",
        "",
    )
    for topic in TOPICS:
        if of_topic := [each for each in alerts() if each.topic == topic]:
            yield from (f"## {title(topic)}", "", "| alert | severity | fires when | for |")
            yield "|---|---|---|---|"
            yield from map(_row, of_topic)
            yield ""
    yield from _recorded()


def _row(alert: Alert) -> str:
    link = f"[{alert.name}](../runbook.md#{anchor(alert.name)})"
    return f"| {link} | {alert.severity} | `{alert.expression}` | {alert.lasting or 'at once'} |"


def _recorded() -> Iterator[str]:
    yield from ("## Recorded series", "", "| series | |", "|---|---|")
    for each in records():
        yield f"| `{each.name}` | `{_in_cell(each.expression)}` |"


def _in_cell(expression: str) -> str:
    """On one line, and with bars that end no cell."""
    return " ".join(expression.split()).replace("|", r"\|")
