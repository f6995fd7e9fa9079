"""Every expression is asked of a real Prometheus, and names only what metrics.py has."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import pytest

from monitoring.dashboard.panels import BY_NAME, PANELS, Panel, expressions
from monitoring.grafana.dashboard import dashboard, text
from monitoring.metrics import METRICS
from monitoring.rules.reading import records
from tests.unit.monitoring.dashboard.conftest import Standing

GRAFANA = Path(__file__).resolve().parents[4] / "monitoring/grafana/podfleet.json"
NAMES = {metric.full_name: metric for metric in METRICS}


def _found(url: str, promql: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(f"{url}/api/v1/query?{urlencode({'query': promql})}") as answer:
        found: list[dict[str, object]] = json.load(answer)["data"]["result"]
        return found


@pytest.mark.parametrize("name", [name for name in expressions() if name != "operation_begun"])
def test_each_has_series_where_something_is_wrong(name: str, red: Standing) -> None:
    assert _found(red.prometheus, expressions()[name])


@pytest.mark.parametrize("name", expressions(needs=False))
def test_each_that_needs_no_fault_has_series_where_all_is_well(name: str, well: Standing) -> None:
    found = _found(well.prometheus, expressions()[name])
    labels = set(BY_NAME[name].labels)
    assert found
    assert all(set(one["metric"]) <= labels for one in found)  # type: ignore[call-overload]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_only_metrics_that_there_are(panel: Panel) -> None:
    for name in re.findall(r"podfleet_\w+", panel.promql):
        assert name in NAMES or name.removesuffix("_bucket") in NAMES, name
    rules = {record.name for record in records()}
    assert set(re.findall(r"[a-z_]+:[a-z_:]+", panel.promql)) <= rules


def test_names_are_told_apart() -> None:
    assert len(BY_NAME) == len(PANELS)


def test_one_pod_can_be_looked_at_alone(well: Standing) -> None:
    found = _found(well.prometheus, BY_NAME["backlog"].expression("alpha"))
    assert [one["metric"] for one in found] == [{"pod": "alpha"}]


def test_grafana_s_dashboard_has_not_drifted() -> None:
    """Write it anew: python -m monitoring.grafana."""
    assert GRAFANA.read_text() == text()


def test_grafana_s_dashboard_has_every_panel_once_and_none_over_another() -> None:
    made = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    assert [panel["title"] for panel in made] == [panel.title for panel in PANELS]
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_grafana_asks_what_the_pages_ask(well: Standing) -> None:
    for made, panel in zip((one for one in dashboard()["panels"] if one["type"] != "row"), PANELS,
                           strict=True):  # fmt: skip
        expression = made["targets"][0]["expr"].replace("$pod", ".*")
        assert panel.expression() in expression
        if not panel.needs:
            assert _found(well.prometheus, expression), panel.name
