"""The hold on a real pod: requests wait, none fails, and a web is stopped and goes on in place."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from provision.contract import PodPlaces
from tests.lab.operations.pod_lab import PodLab
from tests.lab.upgrades.host_script import on_host
from tests.lab.upgrades.upgrade_lab import UpgradeLab

HOST, POD = "one", "alpha"
PLACES = PodPlaces(POD)


@pytest.fixture(scope="module")
def lab(one_pod: UpgradeLab) -> PodLab:
    return one_pod


@pytest.fixture(autouse=True)
def as_before(lab: PodLab) -> Iterator[None]:
    """After each test the pod serves, and nothing of a hold is left."""
    yield
    assert lab.get(POD, "/public") == 200
    left = lab.shell(HOST, f"ls {PLACES.home}; systemctl is-active {PLACES.hold_socket_unit} || :")
    assert "hold" not in left
    assert "inactive" in left


@dataclass
class Visitors:
    """Clients that keep their connection, as browsers do: each asks again when it was answered."""

    lab: PodLab
    # (status, seconds); status 0: no answer.
    answers: list[tuple[int, float]] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self, count: int) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join(30)

    def _ask(self) -> None:
        trust = ssl.create_default_context(cafile=str(self.lab.lab.authorities))
        connection = _Named(self.lab.domain(POD), str(self.lab.fleet.hosts[HOST].address), trust)
        turn = 0
        while not self._stopped.is_set():
            turn += 1
            began, status = time.monotonic(), 0
            try:
                if turn % 3:
                    connection.request("GET", "/public")
                else:
                    connection.request("POST", "/receive/public", body=b"<not/>" * 1000)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
            self.answers.append((status, time.monotonic() - began))
            time.sleep(0.05)


class _Named(http.client.HTTPSConnection):
    """By its name, at an address that no resolver knows."""

    def __init__(self, domain: str, address: str, trust: ssl.SSLContext) -> None:
        super().__init__(domain, timeout=30)
        self._address, self._trust = address, trust

    def connect(self) -> None:
        plain = socket.create_connection((self._address, 443), self.timeout)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)


HELD = """
holding.prepare(places)
began = time.monotonic()
holding.hold(places)
drained = holding.drain(places, live, began + 20)
holding.park(places.web_unit(live))
parked = holding.is_parked(places.web_unit(live))
time.sleep(1)
waiting = holding.connections(places.hold_socket)
holding.unpark(places.web_unit(live))
units.switch(places, live)
holding.release(places)
held = time.monotonic() - began
holding.finish(places)
said = {"drained": drained, "waiting": waiting, "parked": parked, "held": held}
"""


def test_requests_wait_and_none_fails(lab: PodLab) -> None:
    """Twice: the second hold lets nobody go because the first one did."""
    for _ in range(2):
        visitors = Visitors(lab)
        with visitors.asking(10):
            time.sleep(0.5)
            said = on_host(lab, POD, HELD)
            time.sleep(0.5)
        assert said["parked"]
        assert said["waiting"] == 10
        assert {status for status, _ in visitors.answers} <= {200, 202}
        slowest = max(seconds for _, seconds in visitors.answers)
        assert 1 < slowest < said["held"] + 1.5


CRASHES = """
holding.prepare(places)
holding.hold(places)
answers = []
def visit():
    answers.append(asking.ask(places.live_socket, given["domain"], "/public")[0])
visitors = [threading.Thread(target=visit) for _ in range(20)]
for visitor in visitors: visitor.start()
time.sleep(0.5)
systemctl("kill", "--signal=SIGKILL", places.hold_unit)
time.sleep(0.5)
before = list(answers)
units.switch(places, live)
holding.release(places)
for visitor in visitors: visitor.join()
holding.finish(places)
said = {"before": before, "after": answers}
"""


def test_a_hold_whose_process_is_killed_still_holds(lab: PodLab) -> None:
    said = on_host(lab, POD, CRASHES, domain=lab.domain(POD))
    assert said == {"before": [], "after": [200] * 20}


HANGS = """
import socket
hanging = socket.socket(socket.AF_UNIX)
hanging.connect(str(places.web_socket(live)))
hanging.send(b"GET / HTTP/1.1\\r\\n")
time.sleep(0.2)
began = time.monotonic()
try:
    holding.drain(places, live, began + 1)
except holding.HoldTooLong as refusal:
    said = {"words": str(refusal), "seconds": time.monotonic() - began}
hanging.close()
holding.drain(places, live, time.monotonic() + 5)
"""


def test_a_request_that_does_not_end_is_named_at_the_deadline(lab: PodLab) -> None:
    said = on_host(lab, POD, HANGS)
    assert "--maintenance" in said["words"]
    assert 1 <= said["seconds"] < 2


PARKED = """
web = places.web_unit(live)
holding.park(web)
holding.park(web)
answers = []
def visit():
    answers.append(asking.ask(places.live_socket, given["domain"], "/public")[0])
visitor = threading.Thread(target=visit)
visitor.start()
time.sleep(0.5)
while_parked = list(answers)
holding.unpark(web)
visitor.join()
holding.park(web)
# What is parked still ends when it is told to.
began = time.monotonic()
systemctl("stop", places.web_socket_unit(live), web)
ended = time.monotonic() - began
stopped = holding.is_parked(web)
units.start(places, live)
from provision.operations import gates
gates.await_unit(web)
said = {
    "while_parked": while_parked, "answers": answers, "ended": ended, "stopped": stopped,
    "started": holding.is_parked(web),
}
"""


def test_a_parked_web_goes_on_and_ends_when_told(lab: PodLab) -> None:
    said = on_host(lab, POD, PARKED, domain=lab.domain(POD))
    assert (said["while_parked"], said["answers"]) == ([], [200])
    # puma now and then hangs where it has nothing left to do: systemd kills it after 35 s.
    assert said["ended"] < 40
    assert (said["stopped"], said["started"]) == (False, False)


FAILS = """
other = "1.0.0.1-00000000"
run(["cp", "-a", str(places.release(live)), str(places.release(other))])
(Path(places.release(other)) / "config.ru").write_text("raise 'never'")
Path(places.release(other), "config", "puma.rb").write_text("raise 'never'")
succeeds(["systemctl", "start", places.web_unit(other)])
time.sleep(1)
answers = [asking.ask(places.live_socket, given["domain"], "/public")[0]]
flag = Path(places.home, "web-down").exists()
state = unit_properties(places.web_unit(other), "NRestarts", "Result")
succeeds(["systemctl", "stop", places.web_socket_unit(other), places.web_unit(other)])
succeeds(["systemctl", "reset-failed", places.web_unit(other)])
run(["rm", "-r", str(places.release(other))])
said = {"answers": answers, "flag": flag, "state": state}
"""


def test_a_release_that_is_not_live_and_fails_does_not_close_the_pod(lab: PodLab) -> None:
    said = on_host(lab, POD, FAILS, domain=lab.domain(POD))
    assert said["state"]["Result"] != "success"
    assert (said["answers"], said["flag"]) == ([200], False)
