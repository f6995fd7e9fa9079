"""A pod under the load of tests/load: its account, the client's process, and what it logged."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.places import CHECKOUT
from tests.lab.standing import Standing
from tests.load.record import Record, read
from tests.load.summary import Summary, summarise

TRICKLES = 3
# An account that nobody follows: what it writes stays on the pod.
ACCOUNT = """
user = User.find_by(username: "load") || User.build(
  username: "load", email: "load@example.org", password: "load-of-the-bench",
  password_confirmation: "load-of-the-bench", language: "en"
).tap(&:save!)
user.seed_aspects if user.aspects.empty?
application = Api::OpenidConnect::OAuthApplication.create!(
  client_name: "load", redirect_uris: ["https://load.example.org/"]
)
authorization = Api::OpenidConnect::Authorization.create!(
  user: user, o_auth_application: application, redirect_uri: "https://load.example.org/",
  scopes: %w[openid public:read public:modify private:read private:modify]
)
puts "load: " + {client_id: application.client_id, client_secret: application.client_secret,
                 refresh_token: authorization.refresh_token,
                 aspects: user.aspects.pluck(:id)}.to_json
"""


@dataclass
class Loaded:
    """One pod, and the client that asks it all the time."""

    fleet: Standing
    pod: str
    host: str
    log: Path
    client: subprocess.Popen[bytes]

    def records(self) -> list[Record]:
        return read(self.log)

    def between(self, begin: float, end: float) -> Summary:
        return summarise(self.records(), begin, end)

    def on(self, *command: str) -> str:
        return self.fleet.on(self.host, *command)

    def calm(self, seconds: float) -> tuple[float, float]:
        """Waits, and returns when that was: what the pod is like when nothing happens."""
        assert self.client.poll() is None, "the client has ended"
        begin = time.time()
        time.sleep(seconds)
        return begin, time.time()


@contextlib.contextmanager
def under_load(fleet: Standing, pod: str, host: str, where: Path) -> Iterator[Loaded]:
    """The client asks until the block ends; its own last words go to standard error."""
    token, log = where / f"{pod}.token", where / f"{pod}.jsonl"
    token.write_text(_account(fleet, pod))
    client = subprocess.Popen(
        [*_argv(lab_info(fleet), pod), "--token", str(token), "--log", str(log)],
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
    )
    try:
        _await_first(client, log)
        yield Loaded(fleet, pod, host, log, client)
    finally:
        client.terminate()
        try:
            client.wait(timeout=120)
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()


def _account(fleet: Standing, pod: str) -> str:
    said = fleet.podfleet("exec", pod, "--", "bin/rails", "runner", ACCOUNT).stdout
    (line,) = (line for line in said.splitlines() if line.startswith("load: "))
    return line.removeprefix("load: ")


def _argv(info: dict[str, Any], pod: str) -> list[str]:
    about = info["pods"][pod]
    argv = [sys.executable, "-P", "-m", "tests.load", about["url"], "--address", about["address"]]
    return [*argv, "--ca", info["ca"], f"--trickles={TRICKLES}"]


def lab_info(fleet: Standing) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fleet.podfleet("lab info", "--json").stdout)
    return found


def _await_first(client: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while not (log.exists() and log.stat().st_size):
        assert client.poll() is None, f"the client ended with {client.returncode}"
        assert time.monotonic() < deadline, "the client asks nothing"
        time.sleep(0.1)
