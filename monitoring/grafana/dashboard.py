"""Grafana's dashboard, made of the same panels as the pages of monitoring/dashboard.

`python -m monitoring.grafana` writes monitoring/grafana/podfleet.json; a test sees drift.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from monitoring.dashboard.panels import PANELS, Panel

SCHEMA_VERSION = 41
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_KINDS = {
    "number": "stat",
    "table": "table",
    "line": "timeseries",
    "stack": "timeseries",
    "heat": "timeseries",
}
_UNITS = {
    "seconds": "s",
    "share": "percentunit",
    "count": "short",
    "bytes": "bytes",
    "time": "dateTimeAsIso",
    "state": "bool_yes_no",
}
# Grafana's grid is 24 wide.
_WIDTHS = {"stat": 8, "table": 12, "timeseries": 12}
_HEIGHTS = {"stat": 5, "table": 8, "timeseries": 8}
_WHOLE = 24


def text() -> str:
    """The file as it should be."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def dashboard() -> dict[str, Any]:
    return {
        "uid": "podfleet",
        "title": "podfleet: federation",
        "tags": ["podfleet"],
        "description": "Made from monitoring/dashboard/panels.py: edit that instead.",
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [_datasource(), _pod()]},
        "annotations": {"list": []},
        "panels": list(_panels()),
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "label": "Data source",
            "query": "prometheus", "current": {}, "hide": 0}  # fmt: skip


def _pod() -> dict[str, Any]:
    """Which pods to look at; an expression asks for them by `$pod`."""
    query = "label_values(podfleet_pod_info, pod)"
    return {
        "name": "pod",
        "type": "query",
        "label": "Pod",
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "pods"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
    }


def _panels() -> Iterator[dict[str, Any]]:
    """A row a section, and its panels from left to right."""
    number, top = 0, 0
    for section, grouped in groupby(PANELS, key=lambda panel: panel.section):
        number += 1
        yield _row(number, section, top)
        top += 1
        for places in _lines(list(grouped)):
            for left, panel in places:
                number += 1
                yield _panel(number, panel, left, top)
            top += max(_HEIGHTS[_KINDS[panel.drawn]] for _, panel in places)


def _lines(panels: Sequence[Panel]) -> Iterator[list[tuple[int, Panel]]]:
    """Panels with where each begins, as many on a line as fit."""
    line: list[tuple[int, Panel]] = []
    left = 0
    for panel in panels:
        width = _WIDTHS[_KINDS[panel.drawn]]
        if left + width > _WHOLE:
            yield line
            line, left = [], 0
        line.append((left, panel))
        left += width
    if line:
        yield line


def _row(number: int, title: str, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": _WHOLE, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place,
            "panels": []}  # fmt: skip


def _panel(number: int, panel: Panel, left: int, top: int) -> dict[str, Any]:
    kind = _KINDS[panel.drawn]
    return {
        "id": number,
        "type": kind,
        "title": panel.title,
        "description": f"Empty without {panel.needs}." if panel.needs else "",
        "datasource": _SOURCE,
        "gridPos": {"x": left, "y": top, "w": _WIDTHS[kind], "h": _HEIGHTS[kind]},
        "targets": [_target(panel, kind)],
        "fieldConfig": {"defaults": _field(panel, kind), "overrides": []},
        "options": {},
    }


def _target(panel: Panel, kind: str) -> dict[str, Any]:
    # Grafana counts time in thousandths of a second.
    expression = f"({panel.promql}) * 1000" if panel.unit == "time" else panel.promql
    is_table = kind == "table"
    return {
        "refId": "A",
        "datasource": _SOURCE,
        "expr": expression,
        "legendFormat": " ".join(f"{{{{{label}}}}}" for label in panel.labels) or panel.title,
        "instant": kind != "timeseries",
        "range": kind == "timeseries",
        "format": "table" if is_table else "time_series",
    }


def _field(panel: Panel, kind: str) -> dict[str, Any]:
    field: dict[str, Any] = {"unit": _UNITS[panel.unit], "noValue": "no data"}
    if panel.unit == "share":
        field |= {"min": 0, "max": 1}
    if kind == "timeseries":
        stacking = {"mode": "normal" if panel.drawn == "stack" else "none"}
        style = "bars" if panel.drawn == "stack" else "line"
        field["custom"] = {"drawStyle": style, "stacking": stacking, "spanNulls": False}
    return field
