"""What a person sees of a watched fleet that is well: the dashboard, its peers, its canaries."""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.request
from contextlib import suppress
from functools import partial

from provision.places import CHECKOUT
from tests.lab.monitoring.watching import Watching
from tests.lab.operations.pod_lab import until

# A round of probes and one of canaries, which tests before may have made come late.
PATIENCE = 180
WELL = "alpha, beta and gamma reach one another"
PAGES = ("/", "/pods/alpha", "/peers", "/canary", "/deliveries", "/upgrades", "/alerts", "/runbook")


def test_observe_opens_the_dashboard_and_closes_it(watching: Watching) -> None:
    argv = [str(CHECKOUT / "podfleet"), "observe", "--fleet", str(watching.fleet.directory)]
    process = subprocess.Popen(
        argv,
        env={**os.environ, "PODFLEET_STATE": str(watching.fleet.state)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        until(lambda: WELL in _page(url), PATIENCE, "the overview does not say that all is well")
        pages = {page: _page(url.rstrip("/") + page) for page in PAGES}
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=30)
    assert code == 130
    assert "gamma.lab.test" in pages["/peers"]
    assert 'id="poddown"' in pages["/runbook"]
    assert all("<script" not in page for page in pages.values())


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def test_peers_says_whom_each_pod_reaches(watching: Watching) -> None:
    words = "2 current; 100.0% of its users' contacts are reached"
    said = partial(watching.fleet.podfleet, "peers")
    with suppress(AssertionError):
        until(lambda: said().stdout.count(words) == 3, PATIENCE, "not all reach their peers")
    assert said().stdout.count(words) == 3, said().stdout


def test_canary_last_says_what_the_monitor_saw(watching: Watching) -> None:
    last = partial(watching.fleet.podfleet, "canary", "--last", check=False)

    def states() -> list[str]:
        ran = last("--json")
        return [pair["state"] for pair in ran.json["pairs"]] if ran.code == 0 else []

    until(lambda: states() == ["ok"] * 6, PATIENCE, "the last canaries did not all arrive")
    assert last().stderr.startswith("As host one saw it")
