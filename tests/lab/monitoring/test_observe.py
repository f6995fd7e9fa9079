"""What a person sees of a watched fleet that is well: the dashboard, its peers, its canaries."""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.request

from provision.places import CHECKOUT
from tests.lab.monitoring.watching import Watching

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
        pages = {page: _page(url.rstrip("/") + page) for page in PAGES}
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=30)
    assert code == 130
    assert "alpha, beta and gamma reach one another" in pages["/"]
    assert "gamma.lab.test" in pages["/peers"]
    assert 'id="poddown"' in pages["/runbook"]
    assert all("<script" not in page for page in pages.values())


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def test_peers_says_whom_each_pod_reaches(watching: Watching) -> None:
    said = watching.fleet.podfleet("peers").stdout
    assert said.count("2 current; 100.0% of its users' contacts are reached") == 3


def test_canary_last_says_what_the_monitor_saw(watching: Watching) -> None:
    pairs = watching.fleet.podfleet("canary", "--last", "--json").json["pairs"]
    assert len(pairs) == 6
    assert {pair["state"] for pair in pairs} == {"ok"}
    flown = watching.fleet.podfleet("canary", "--last").stdout
    assert flown.startswith("As host one saw it")
