"""The canary between real pods: what it says when a host is cut off, and that nothing stays."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitoring.canary import CanaryPod, Patience, fly, fly_all
from monitoring.canary.pods import TEXT
from monitoring.reasons import Reason
from provision.contract import CANARY_USER
from provision.federation import canary_pod
from provision.fleet.secrets import open_vault
from provision.places import CHECKOUT
from tests.lab.standing import Standing

PATIENCE = Patience(lost_after=8, retraction=20)


@pytest.fixture(scope="module", autouse=True)
def quiet_monitor(standing: Standing) -> Iterator[None]:
    """The fleet's own monitor flies the same canaries: meanwhile it does not, and took its back."""
    standing.on("one", "systemctl", "stop", "podfleet-monitor.service")
    yield
    standing.on("one", "systemctl", "start", "podfleet-monitor.service")


@pytest.fixture
def pods(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[CanaryPod]]:
    """The fleet's pods as canaries see them; every test leaves them without a canary's post."""
    monkeypatch.setenv("PODFLEET_STATE", str(standing.state))
    fleet = standing.fleet()
    vault = open_vault(fleet)
    found = [pod for each in fleet.pods.values() if (pod := canary_pod(fleet, vault, each))]
    yield found
    wait_until_gone(standing)


def counted_on_both(standing: Standing, count: str) -> int:
    """A count, in the databases of both pods of host one together."""
    total = 0
    for pod in ("alpha", "beta"):
        argv = ["runuser", "-u", "postgres", "--", "psql", "-XAtqd", f"pod_{pod}_1", "-c", count]
        total += int(standing.on("one", "env", "-C", "/", *argv))
    return total


def posts_of_the_canary(standing: Standing) -> int:
    """The posts with the canary's text."""
    return counted_on_both(standing, f"SELECT count(*) FROM posts WHERE text = '{TEXT}'")


def test_no_mail_goes_to_a_canary(standing: Standing) -> None:
    mute = f"SELECT count(*) FROM users WHERE username = '{CANARY_USER}' AND disable_mail"
    assert counted_on_both(standing, mute) == 2


def test_all_pairs(pods: list[CanaryPod]) -> None:
    flights = fly_all(pods, PATIENCE)
    assert len(flights) == 6
    assert {(flight.state, flight.reason) for flight in flights} == {("ok", None)}


def test_a_host_that_is_cut_off(standing: Standing, pods: list[CanaryPod]) -> None:
    alpha, beta, gamma = pods
    standing.podfleet("lab cut", "two")
    try:
        flights = fly_all([alpha, beta, gamma], PATIENCE)
    finally:
        standing.podfleet("lab heal", "two")
    by_pair = {(flight.sender, flight.receiver): flight for flight in flights}
    assert by_pair["alpha", "beta"].state == by_pair["beta", "alpha"].state == "ok"
    for pair in (("alpha", "gamma"), ("gamma", "alpha"), ("gamma", "beta")):
        assert by_pair[pair].state == "unknown"
        assert by_pair[pair].reason in (Reason.CONNECT_TIMED_OUT, Reason.UNREACHABLE)


def test_a_token_that_was_taken_away(pods: list[CanaryPod]) -> None:
    alpha, beta, _ = pods
    assert alpha.token is not None
    robbed = replace(alpha, token=replace(alpha.token, refresh_token="0" * 64))
    flight = fly(robbed, beta, PATIENCE)
    assert (flight.state, flight.reason) == ("unknown", Reason.TOKEN_REJECTED)


SLOW_CANARY = """
import sys
from monitoring.canary import CanaryPod, Patience, Token, fly
name, url, address, ca = sys.argv[1:]
token = Token.from_json(sys.stdin.read())
sender = CanaryPod(name, url, token, address, ca)
# Watched for where it never arrives, so that the canary is in the air when the signal comes.
receiver = CanaryPod("nowhere", url, None, address, ca)
sys.stdout.write("up\\n")
sys.stdout.flush()
fly(sender, receiver, Patience(lost_after=60))
"""


def flying_away(alpha: CanaryPod, standing: Standing) -> subprocess.Popen[str]:
    """A canary of alpha's in a process of its own, its post already written."""
    arguments = [alpha.name, alpha.url, str(alpha.address), str(alpha.ca_file)]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_CANARY, *arguments],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        text=True,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(open_vault(standing.fleet()).need("pods.alpha.canary"))
    process.stdin.close()
    deadline = time.monotonic() + 30
    while not posts_of_the_canary(standing):
        assert process.poll() is None and time.monotonic() < deadline
    return process


def test_interrupted_it_takes_its_post_back(standing: Standing, pods: list[CanaryPod]) -> None:
    process = flying_away(pods[0], standing)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) != 0
    wait_until_gone(standing)


def test_killed_it_leaves_a_post_that_the_next_one_sweeps(
    standing: Standing, pods: list[CanaryPod]
) -> None:
    alpha, beta, _ = pods
    process = flying_away(alpha, standing)
    process.kill()
    process.wait()
    assert posts_of_the_canary(standing) > 0
    assert fly(alpha, beta, replace(PATIENCE, leftover_age=0)).state == "ok"
    wait_until_gone(standing)


def wait_until_gone(standing: Standing) -> None:
    """Retractions travel as posts do."""
    deadline = time.monotonic() + 30
    while posts_of_the_canary(standing) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert posts_of_the_canary(standing) == 0


def test_the_promised_shape(standing: Standing, pods: list[CanaryPod], tmp_path: Path) -> None:
    pairs = standing.podfleet("canary", "--once", "--json").json["pairs"]
    assert len(pairs) == 6
    for pair in pairs:
        assert pair.keys() == {
            "from", "to", "state", "arrival_seconds", "retraction_seconds", "at", "reason",
        }  # fmt: skip
        assert (pair["state"], pair["reason"]) == ("ok", None)


def test_probe_of_a_pod(standing: Standing) -> None:
    info = standing.podfleet("lab info", "--json").json
    argv = [str(CHECKOUT / "podfleet"), "probe", info["pods"]["alpha"]["url"], "--json"]
    argv += ["--ca", info["ca"], "--address", info["pods"]["alpha"]["address"]]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"software": "diaspora"' in done.stdout and '"strictly_valid": true' in done.stdout
