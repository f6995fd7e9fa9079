"""Each alert fires where it must and is silent where it must not fire, says promtool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.rules import Intervals, alerts, expressions, rules_text
from tests.unit.monitoring.rules.promtool import (
    CASES,
    HEALTHY,
    WHOLE,
    promtool,
    tried,
    write_rules,
)

TRIED = [each for path in CASES for each in tried(yaml.safe_load(path.read_text()))]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_rules(tmp_path)
    return tmp_path


def test_promtool_accepts_the_rule_file(directory: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", WHOLE, directory=directory)


def test_promtool_accepts_each_source_and_what_a_fleet_says(tmp_path: Path) -> None:
    sources = sorted((Path(__file__).parents[4] / "monitoring/rules").glob("*.yml"))
    promtool("check", "rules", *map(str, sources), directory=tmp_path)
    text = rules_text("https://example.org/runbook", Intervals(own=0.5, peer=3600, canary=60))
    (tmp_path / "rules.yml").write_text(text)
    promtool("check", "rules", "rules.yml", directory=tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda path: str(path.stem))
def test_alerts_fire_and_stay_silent(case: Path, directory: Path) -> None:
    (directory / case.name).write_text(case.read_text())
    promtool("test", "rules", case.name, directory=directory)


@pytest.mark.parametrize("alert", [each.name for each in alerts()])
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert: str) -> None:
    assert {fires for name, fires in TRIED if name == alert} == {True, False}


def test_no_case_asks_for_an_alert_that_does_not_exist() -> None:
    """promtool would call it silent."""
    assert {name for name, _ in TRIED} == {each.name for each in alerts()}


def test_each_expression_has_series_in_a_fleet_that_is_well(directory: Path) -> None:
    asked = [(name, f"count({expression}) > bool 0") for name, expression in expressions()]
    _ask(directory, _series(), [*asked, ("no alert", "count(ALERTS) or vector(0)")])


def test_no_alert_is_pending_in_a_fleet_of_one_pod_that_is_well(directory: Path) -> None:
    """It has no canary, and nobody to federate with but strangers."""
    alone = [
        each
        for each in _series()
        if not any(f'="{name}"' in each["series"] for name in ("two", "other", "canary"))
    ]
    assert 0 < len(alone) < len(_series())
    _ask(directory, alone, [("no alert", "count(ALERTS) or vector(0)")])


def _series() -> list[dict[str, str]]:
    series: list[dict[str, str]] = yaml.safe_load(HEALTHY.read_text())
    return series


def _ask(directory: Path, series: list[dict[str, str]], asked: list[tuple[str, str]]) -> None:
    """Each expression after two hours; 1, or 0 where it counts alerts."""
    tests: list[dict[str, Any]] = [
        {
            "expr": expression,
            "eval_time": "2h",
            "exp_samples": [{"labels": "{}", "value": 0 if name == "no alert" else 1}],
        }
        for name, expression in asked
    ]
    case = {
        "rule_files": [WHOLE],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}],
    }
    (directory / "asked.yml").write_text(yaml.safe_dump(case))
    promtool("test", "rules", "asked.yml", directory=directory)
