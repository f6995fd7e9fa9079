"""The one rule file that Prometheus reads: the sources, a fleet's own values, and the links.

Where an alert's section of the runbook is, is worked out here and written nowhere by hand.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any

import yaml

from monitoring.rules.reading import sources

RUNBOOK = "docs/runbook.md"
_HEAD = "# Made by podfleet from monitoring/rules/: edit what it is made from instead.\n"


@dataclass(frozen=True)
class Intervals:
    """How often things happen in a fleet, in seconds; alerts of what is late follow from it."""

    own: float = 30
    peer: float = 300
    canary: float = 300
    export: float = 7 * 86400


class _Dumper(yaml.SafeDumper):
    """Expressions of several lines stay readable."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def rules_text(runbooks: str | None = None, intervals: Intervals | None = None) -> str:
    """All rules as one file; `runbooks` is the address of the runbook's page, where it has one."""
    groups = [group for source in copy.deepcopy(sources()).values() for group in source["groups"]]
    for group in groups:
        for rule in group["rules"]:
            _finish(rule, runbooks, intervals or Intervals())
    body = yaml.dump({"groups": groups}, Dumper=_Dumper, sort_keys=False, width=1000)
    return _HEAD + body


def runbook_url(alert: str, runbooks: str | None = None) -> str:
    """Where the section of an alert is."""
    return f"{(runbooks or RUNBOOK).rstrip('#')}#{anchor(alert)}"


def anchor(heading: str) -> str:
    """What a heading of a Markdown page is linked by."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def _finish(rule: dict[str, Any], runbooks: str | None, intervals: Intervals) -> None:
    if "alert" in rule:
        rule["annotations"]["runbook_url"] = runbook_url(rule["alert"], runbooks)
    elif found := re.fullmatch(r"podfleet:(\w+)_interval:seconds", rule["record"]):
        rule["expr"] = f"vector({getattr(intervals, found[1]):g})"
