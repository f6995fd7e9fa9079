"""A pod that takes what is sent to it and drops it: it looks well, and its alert arrives.

An operator puts what the release 1.1.0.5 of the rehearsal adds into the live one by hand. As an
upgrade, the federation gate would have rolled it back: see tests/lab/upgrades.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from provision.lab.rehearsal_source import OVERLAYS, TREE
from tests.lab.monitoring.outage import Clock, is_well, page_until, told_since
from tests.lab.monitoring.shown import Dashboard, observed
from tests.lab.monitoring.watching import Watching

POD, HOST = "beta", "one"
BROKEN = "1.1.0.5"
ADDED = "config/initializers/z_broken_receiving.rb"
LIVE = f"/srv/pods/{POD}/current"
RESTART = f"systemctl restart pod-{POD}-sidekiq@$(basename $(readlink {LIVE})).service"


@dataclass
class Dropping:
    """Since `clock` began; `seen` alerts had arrived before."""

    watching: Watching
    dashboard: Dashboard
    clock: Clock
    seen: int


@pytest.fixture(scope="module")
def dropping(watching: Watching) -> Iterator[Dropping]:
    code = (TREE / OVERLAYS / BROKEN / ADDED).read_text()
    with observed(watching.fleet) as dashboard:
        page_until(Clock(), dashboard, "all was well before", is_well, 240)
        seen = len(watching.receiver.alerts)
        watching.shell(HOST, f"echo {shlex.quote(code)} >{LIVE}/{ADDED} && {RESTART}")
        try:
            yield Dropping(watching, dashboard, Clock(), seen)
        finally:
            mend(watching)


def mend(watching: Watching) -> None:
    watching.shell(HOST, f"! test -e {LIVE}/{ADDED} || {{ rm {LIVE}/{ADDED} && {RESTART}; }}")


def test_the_alert_arrives(dropping: Dropping) -> None:
    alert = dropping.clock.until(
        "the alert at its receiver",
        lambda: told_since(dropping.watching, dropping.seen, "PodDropsPosts", "firing", pod=POD),
        480,
    )
    assert alert["labels"]["severity"] == "page"
    assert alert["annotations"]["runbook_url"].endswith("#poddropsposts")


def test_the_page_says_who_does_not_reach_it(dropping: Dropping) -> None:
    sentence = dropping.dashboard.get().says(f"alpha and gamma do not reach {POD}")
    assert "the post did not arrive in time" in sentence


def test_all_else_about_it_looks_well(dropping: Dropping) -> None:
    watching = dropping.watching
    for metric in ("outside_success", "outside_nodeinfo_valid", "outside_receive_ok"):
        assert watching.query(f'podfleet_{metric}{{pod="{POD}"}}')[0][1] == 1
    for path in ("/", "/nodeinfo/1.0", "/.well-known/nodeinfo"):
        assert status(watching, path) == "200"
    down = [one for one in watching.receiver.alerts[dropping.seen :]
            if one["labels"]["alertname"] == "PodDown"]  # fmt: skip
    assert down == []


def status(watching: Watching, path: str) -> str:
    url = f"https://{POD}.lab.test{path}"
    return watching.shell("two", f"curl --silent --output /dev/null -w '%{{http_code}}' {url}")


def test_all_clears_once_it_is_mended(dropping: Dropping) -> None:
    mend(dropping.watching)
    mended = Clock()
    page_until(mended, dropping.dashboard, "all well on the page", is_well, 240)
    mended.until(
        "the alert's end at its receiver",
        lambda: told_since(dropping.watching, dropping.seen, "PodDropsPosts", "resolved", pod=POD),
        300,
    )
