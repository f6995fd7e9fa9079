"""Every expression of rules, dashboard and Grafana has at least one series in a running fleet.

What holds only while something is broken or under way was looked for while the tests before broke
it; what is left is done here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.monitoring.every_expression import Seen, every_expression
from tests.lab.monitoring.watching import Watching, wait_until


@pytest.fixture(scope="module")
def seen(watching: Watching, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """After an export and an upgrade, with a pod that is down for its partners meanwhile."""
    exports: Path = tmp_path_factory.mktemp("export")
    watching.fleet.podfleet("export", "--pod", "alpha", "--to", str(exports))
    watching.fleet.podfleet("upgrade", "--pod", "beta", "--to", "1.1.0.0")
    if watching.seen.missing():
        watching.shell("two", "systemctl stop 'pod-gamma-web@*.socket' 'pod-gamma-web@*.service'")
        wait_until(lambda: not watching.seen.missing(), 180)
        watching.fleet.podfleet("up", "--pod", "gamma", "--yes")
    wait_until(lambda: not watching.seen.missing(), 120)
    return watching.seen


@pytest.mark.parametrize("name", every_expression())
def test_has_series(seen: Seen, name: str) -> None:
    assert name not in seen.missing(), f"{seen.most.get(name)}: {seen.wanted[name]}"
