"""The rules as data: every alert and every recorded series of monitoring/rules/*.yml.

An alert compares recorded series and does nothing else; whatever is to be computed has a name of
its own. So each expression can be asked without its threshold, and shows what an alert looks at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SOURCES = Path(__file__).parent
# In this order: what the others read comes first.
_TITLES = {
    "parameters": "What a fleet decides",
    "monitoring": "Monitoring itself",
    "outside": "Pods from outside",
    "canary": "Arrival",
    "jobs": "Background work",
    "deliveries": "Deliveries and receipts",
    "peers": "Peers",
    "pods": "What a pod stands on",
    "hosts": "Hosts",
}
TOPICS = tuple(_TITLES)
_MEASURE = r"[a-z_]\w*:[\w:]+(?:\{[^}]*\})?"
_LIMIT = r"(?:[\d. *]+|(?:[\d. *]+\* )?scalar\([a-z_:]+\))"
_COMPARED = re.compile(rf"(?P<measure>{_MEASURE})(?: (?:<=?|>=?|==|!=) {_LIMIT})+")


@dataclass(frozen=True)
class Record:
    """A series that is computed from others."""

    name: str
    expression: str


@dataclass(frozen=True)
class Alert:
    """One alert as its source says it; the texts are Prometheus' templates."""

    name: str
    topic: str
    expression: str
    # How long it must hold, as Prometheus writes it; empty: not at all.
    lasting: str
    severity: str
    summary: str
    description: str

    @property
    def measures(self) -> tuple[str, ...]:
        """What it compares, without the thresholds."""
        parts = [_COMPARED.fullmatch(part) for part in self.expression.split(" and ")]
        if not all(parts):
            raise ValueError(f"{self.name}: {self.expression}: not a comparison of named series")
        return tuple(part["measure"] for part in parts if part)


def title(topic: str) -> str:
    """What a file of rules is about, as a heading."""
    return _TITLES[topic]


@cache
def sources() -> dict[str, dict[str, Any]]:
    """The parsed files by topic."""
    texts = {topic: (SOURCES / f"{topic}.yml").read_text(encoding="utf-8") for topic in TOPICS}
    return {topic: yaml.safe_load(text) for topic, text in texts.items()}


def alerts() -> list[Alert]:
    """Every alert, in the order of the files."""
    return [_alert(topic, rule) for topic, rule in _rules() if "alert" in rule]


def records() -> list[Record]:
    """Every recorded series; one name may have several, told apart by their labels."""
    return [
        Record(rule["record"], rule["expr"].strip()) for _, rule in _rules() if "record" in rule
    ]


def expressions() -> list[tuple[str, str]]:
    """What each rule looks at: its name, and PromQL that has series where all is well, too."""
    measured = [(each.name, measure) for each in alerts() for measure in each.measures]
    return [(each.name, each.expression) for each in records()] + measured


def _rules() -> list[tuple[str, dict[str, Any]]]:
    return [
        (topic, rule)
        for topic, source in sources().items()
        for group in source["groups"]
        for rule in group["rules"]
    ]


def _alert(topic: str, rule: dict[str, Any]) -> Alert:
    return Alert(
        name=rule["alert"],
        topic=topic,
        expression=" ".join(rule["expr"].split()),
        lasting=rule.get("for", ""),
        severity=rule["labels"]["severity"],
        summary=rule["annotations"]["summary"],
        description=rule["annotations"]["description"],
    )
