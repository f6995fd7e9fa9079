"""The main job's figures, each measured on a lab of its own."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from provision.converge.run import converge
from provision.converge.stage import HostStage, stage_host
from provision.fleet.secrets import open_vault
from provision.hosts.facts import gather
from provision.hosts.providers import connect
from provision.places import CHECKOUT
from provision.releases.runtime import runtime_tarball
from provision.releases.signature import allowed_signers
from provision.report import Silent
from tests.bench.table import Figure, median_seconds, seconds
from tests.lab.standing import Standing

HUNDRED, FIRST_PORT = 100, 2201
# 100 hosts have 100 SSH servers: one must not count their newcomers together.
_REDIRECT = """
set -eu
echo 'MaxStartups 200' >/etc/ssh/sshd_config.d/bench.conf
systemctl reload ssh
nft 'add table ip bench; add chain ip bench in {{ type nat hook prerouting priority dstnat; }}'
nft 'add rule ip bench in tcp dport {first}-{last} redirect to :22'
"""


@contextlib.contextmanager
def standing(where: Path, name: str) -> Iterator[Standing]:
    """A copy of the lab's fleet, purged afterwards."""
    fleet = Standing.copied("lab", where, name)
    try:
        yield fleet
    finally:
        fleet.podfleet("lab down", "--purge", "--yes")


def help_text(_: Path) -> list[Figure]:
    argv = [str(CHECKOUT / "podfleet"), "--help"]
    python = [str(CHECKOUT / ".venv/bin/python"), "-c", "import typer, rich.console"]
    return [
        Figure(
            "--help",
            median_seconds(lambda: subprocess.run(argv, capture_output=True, check=True)),
            0.25,
            "python importing Typer with Rich",
            median_seconds(lambda: subprocess.run(python, check=True)),
        )
    ]


def nothing_to_do(where: Path) -> list[Figure]:
    """`plan` and `up` where nothing is to be done, beside a bare SSH round trip."""
    with standing(where, "nothing") as fleet:
        fleet.podfleet("up")
        (argv,) = [h["ssh"] for n, h in _info(fleet)["hosts"].items() if n == "two"]
        bare = median_seconds(lambda: subprocess.run([*argv, "true"], check=True))
        found = []
        for verb in ("plan", "up"):
            for pods, goal in ((("--pod", "gamma"), 2.0), ((), 3.0)):
                took = median_seconds(lambda verb=verb, pods=pods: fleet.podfleet(verb, *pods))  # type: ignore[misc]
                what = f"{verb}, nothing to do, {'one pod' if pods else 'three pods'}"
                found.append(Figure(what, took, goal, "a bare SSH round trip", bare))
        fleet.on("two", "sh", "-c", "echo '#' >>/etc/nginx/sites-enabled/pod-gamma.conf")
        drifted = fleet.podfleet("plan", "--pod", "gamma")
        assert "edited by hand" in drifted.stdout
        found.append(Figure("plan, drift named, one pod", drifted.seconds, 2.0))
        return found


def roles_with_nothing_to_do(where: Path) -> list[Figure]:
    """All roles a second time: through mitogen, and by plain Ansible with pipelining."""
    with standing(where, "roles") as standing_fleet:
        standing_fleet.podfleet("lab up")
        took = {}
        with _state(standing_fleet), tempfile.TemporaryDirectory() as directory:
            fleet = standing_fleet.fleet()
            host = fleet.hosts["two"]
            connection = connect(fleet, host, Silent())
            stage = _host_stage(standing_fleet, Path(directory))
            converge(fleet, host, connection, stage)
            for is_mitogen in (True, False):
                results = [
                    converge(fleet, host, connection, stage, use_mitogen=is_mitogen)
                    for _ in range(3)
                ]
                assert not any(result.changed for result in results)
                took[is_mitogen] = sorted(result.seconds for result in results)[1]
    return [
        Figure("every role, nothing to do", took[True], None, "plain Ansible", took[False]),
        Figure(
            "the same as a ratio",
            took[False] / took[True],
            3.0,
            "plain Ansible with pipelining",
            1.0,
            unit="x",
            is_least=True,
        ),
    ]


def launch_on_a_prepared_host(where: Path) -> list[Figure]:
    """A pod beside one that is there already, from an artifact in the store."""
    with standing(where, "launch") as fleet:
        fleet.podfleet("build")
        fleet.podfleet("up", "--pod", "alpha")
        launched = fleet.podfleet("launch", "--pod", "beta")
        boot = seconds(lambda: fleet.podfleet("exec", "beta", "--", "bin/rails", "runner", "0"))
        (took,) = re.findall(r"pod beta: launch: done in ([0-9.]+) s", launched.stderr)
        return [
            Figure("launch on a prepared host", float(took), 20, "one boot of Rails", boot),
            Figure("the command, with introductions and canaries", launched.seconds),
        ]


def bare_guest_to_verified_pod(where: Path) -> list[Figure]:
    with standing(where, "bare") as fleet:
        fleet.podfleet("build", "--pod", "gamma")
        boot = fleet.podfleet("lab up", "--bare").seconds
        up = fleet.podfleet("up", "--pod", "gamma").seconds
        verified = fleet.podfleet("verify", "--pod", "gamma").seconds
        return [
            Figure("bare Debian to a verified pod", up + verified, 180, "booting it", boot),
            Figure("of it, verify", verified),
        ]


def status_of_100_hosts(where: Path) -> list[Figure]:
    """100 endpoints on one guest, beside 100 bare remote `cat`s."""
    with standing(where, "hundred") as fleet:
        fleet.podfleet("lab up")
        file = _hundred(fleet, where)
        argv = [str(CHECKOUT / "podfleet"), "status", str(file.parent), "--json"]
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
        ours = median_seconds(lambda: subprocess.run(argv, capture_output=True, check=True), 3)
        ssh = _info(fleet)["hosts"]["one"]["ssh"]
        # A connection each: ssh takes the first of two settings.
        alone = ["ControlPath=none" if word.startswith("ControlPath=") else word for word in ssh]
        cat = [*alone, "cat", "/etc/hostname"]

        def cats() -> None:
            with ThreadPoolExecutor(max_workers=32) as threads:
                list(
                    threads.map(
                        lambda _: subprocess.run(cat, stdout=subprocess.DEVNULL, check=True),
                        range(HUNDRED),
                    )
                )

        return [Figure("status of 100 hosts", ours, 5, "100 x ssh cat, 32 at once", seconds(cats))]


def newcomer(where: Path) -> list[Figure]:
    """A clone and no cache: ./podfleet up; then the same with what the first run cached."""
    found = []
    for what, goal in (("a machine that has nothing", 360), ("the image there", 150)):
        clone = where / f"clone-{goal}"
        subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(clone)], check=True)
        env = {
            **os.environ,
            "PODFLEET_CACHE": str(where / "cache"),
            "PODFLEET_STATE": str(where / "state"),
        }
        up = [str(clone / "podfleet"), "up"]
        took = seconds(lambda up=up, env=env: subprocess.run(up, env=env, check=True))  # type: ignore[misc]
        down = [str(clone / "podfleet"), "lab", "down", "--purge", "--yes"]
        subprocess.run(down, env=env, check=True)
        found.append(Figure(f"./podfleet up, {what}", took, goal))
    return found


def _hundred(fleet: Standing, where: Path) -> Path:
    """A fleet file of 100 SSH endpoints on one guest, reached with the lab's own key."""
    last = FIRST_PORT + HUNDRED - 1
    fleet.on("one", "sh", "-c", _REDIRECT.format(first=FIRST_PORT, last=last))
    lab = _info(fleet)["hosts"]["one"]
    key = lab["ssh"][lab["ssh"].index("-i") + 1]
    file = where / "hundredhosts" / "fleet.toml"
    file.parent.mkdir()
    hosts = "".join(
        f'[hosts.h{n}]\naddress = "{lab["address"]}"\nssh_port = {FIRST_PORT + n}\n'
        f'ssh_identity = "{key}"\nmemory = "1 GiB"\n'
        for n in range(HUNDRED)
    )
    pods = "".join(
        f'[pods.p{n}]\ndomain = "p{n}.example.org"\nhost = "h{n}"\nrelease = "0.9.1.0"\n'
        'admin = { username = "podmin", email = "podmin@example.org" }\n'
        for n in range(HUNDRED)
    )
    file.write_text(hosts + pods)
    return file


def _info(fleet: Standing) -> dict[str, dict[str, dict[str, list[str]]]]:
    found: dict[str, dict[str, dict[str, list[str]]]] = fleet.podfleet("lab info", "--json").json
    return found


@contextlib.contextmanager
def _state(standing_fleet: Standing) -> Iterator[None]:
    """This process looks where the fleet's own commands do."""
    before = os.environ.get("PODFLEET_STATE")
    os.environ["PODFLEET_STATE"] = str(standing_fleet.state)
    try:
        yield
    finally:
        os.environ.pop("PODFLEET_STATE")
        if before is not None:
            os.environ["PODFLEET_STATE"] = before


def _host_stage(standing_fleet: Standing, directory: Path) -> HostStage:
    fleet = standing_fleet.fleet()
    vault = open_vault(fleet)
    vault.ensure_fleet()
    host = fleet.hosts["two"]
    facts = gather(connect(fleet, host, Silent()))
    runtime = runtime_tarball(facts.python, facts.architecture)
    return stage_host(fleet, host, runtime, allowed_signers(vault), directory)
