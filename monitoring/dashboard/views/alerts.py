"""The alerts that fire or are about to, as Prometheus has them, with what to do about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring.dashboard.cells import Tone
from monitoring.dashboard.prometheus import PrometheusTrouble
from monitoring.dashboard.reading import Asking
from monitoring.dashboard.views.page import Page
from monitoring.dashboard.wording import age

_SEVERITIES: dict[str, Tone] = {"page": "bad", "critical": "bad", "ticket": "warn"}
_TOLD_APART = ("pod", "peer", "host", "sender", "receiver", "queue", "source", "unit")


@dataclass(frozen=True)
class AlertLine:
    """One alert in words."""

    name: str
    state: str
    severity: str
    tone: Tone
    about: str
    summary: str
    since: str
    runbook: str


async def alerts(asking: Asking) -> Page:
    try:
        found = [_line(one, asking.now) for one in await asking.prometheus.alerts()]
    except PrometheusTrouble as trouble:
        return Page("alerts.html", "Alerts", "/alerts", {"lines": []}, 503, (str(trouble),), True)
    found.sort(key=lambda one: (one.state != "firing", one.tone != "bad", one.name, one.about))
    return Page("alerts.html", "Alerts", "/alerts", {"lines": found})


def _line(alert: Mapping[str, Any], now: float) -> AlertLine:
    labels: Mapping[str, str] = alert.get("labels") or {}
    notes: Mapping[str, str] = alert.get("annotations") or {}
    severity, state = labels.get("severity", ""), str(alert.get("state", ""))
    tone = _SEVERITIES.get(severity, "warn") if state == "firing" else "plain"
    about = ", ".join(f"{name} {labels[name]}" for name in _TOLD_APART if labels.get(name))
    return AlertLine(
        labels.get("alertname", "unnamed"),
        state,
        severity or "none",
        tone,
        about or "the fleet",
        notes.get("summary", ""),
        _since(str(alert.get("activeAt", "")), now),
        _here(notes.get("runbook_url", "")),
    )


def _since(text: str, now: float) -> str:
    try:
        # Nanoseconds are more than Python reads.
        return age(datetime.fromisoformat(text[:19] + "+00:00").timestamp(), now)
    except ValueError:
        return "not known"


def _here(url: str) -> str:
    """The same section on the page that this dashboard has."""
    anchor = url.partition("#")[2]
    return f"/runbook#{anchor}" if anchor else "/runbook"
