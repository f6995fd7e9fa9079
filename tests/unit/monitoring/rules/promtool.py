"""promtool, and the rules as it reads them: all in one file, and each topic in one of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from monitoring.rules import rules_text

CASES = sorted((Path(__file__).parent / "cases").glob("*.yml"))
HEALTHY = Path(__file__).with_name("healthy.yml")
WHOLE = "rules/podfleet.yml"


def write_rules(directory: Path) -> None:
    """rules/podfleet.yml as Prometheus gets it, and beside it one file a topic."""
    (directory / "rules").mkdir()
    text = rules_text()
    (directory / WHOLE).write_text(text, encoding="utf-8")
    for group in yaml.safe_load(text)["groups"]:
        topic = group["name"].removeprefix("podfleet-")
        alone = yaml.safe_dump({"groups": [group]}, sort_keys=False)
        (directory / f"rules/{topic}.yml").write_text(alone, encoding="utf-8")


def promtool(*argv: str, directory: Path) -> str:
    """What it says where it is content; all of what it says as the failure where it is not."""
    done = subprocess.run(
        ["promtool", *argv], cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def tried(case: dict[str, Any]) -> list[tuple[str, bool]]:
    """Each alert that a file of cases asks for, and whether it must fire there."""
    return [
        (asked["alertname"], bool(asked["exp_alerts"]))
        for test in case["tests"]
        for asked in test["alert_rule_test"]
    ]
