"""The first launch on a bare host, with everything in its way; the tests go on in their order."""

from __future__ import annotations

import json
import signal

import pytest

from provision.contract import RELOAD_LOCK
from provision.lab.network import GATEWAY
from tests.lab.faults.conftest import MakeController
from tests.lab.faults.controller import DOMAIN, Controller

# Every package is installed in one of these.
pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def bare(make_controller: MakeController) -> Controller:
    """Debian alone, and two pods to come, of whose names one is known."""
    names = {f"alpha.{DOMAIN}": "bare"}
    return make_controller("bare", {"alpha": "bare", "beta": "bare"}, names=names, image="debian")


def test_a_mirror_that_is_down_is_named(bare: Controller) -> None:
    bare.lab.set_mirror("down")
    said = bare.refused("up")
    assert "role base: `Package lists` failed" in said, said
    assert "Failed to fetch http://deb.debian.org/debian" in said and "503" in said, said
    assert "then run podfleet up" in said
    assert not bare.serves("alpha")
    (host,) = bare.podfleet("status", "--json").json["hosts"]
    assert (host["reachable"], host["platform_level"]) == (True, None)


def test_a_name_that_does_not_resolve_stops_its_own_pod_alone(bare: Controller) -> None:
    bare.lab.set_mirror("online")
    said = bare.refused("up")
    assert "certificate of beta.example.org" in said
    assert "the certificate authority refused: urn:ietf:params:acme:error:dns" in said or (
        "the certificate authority refused" in said and "beta.example.org" in said
    ), said
    assert "then run the same command again" in said
    assert bare.serves("alpha")
    assert not bare.serves("beta")
    assert bare.state_of("alpha") == "serving"
    assert bare.state_of("beta") == "absent"


def test_a_name_that_leads_elsewhere_is_told_in_the_server_s_words_once(bare: Controller) -> None:
    bare.name({"alpha": bare.lab.number("bare"), "beta": GATEWAY})
    before = bare.orders()
    said = bare.refused("up")
    assert "the certificate authority refused" in said
    assert "connection" in said.lower() and "beta.example.org" in said, said
    assert bare.orders() == before + 1, "one request a run, and none repeated"
    unit = "systemctl show --value --property=ActiveState,NRestarts podfleet-operation@beta.service"
    assert "activ" not in bare.shell("bare", unit).replace("inactive", "")
    assert bare.serves("alpha")


def test_a_launch_whose_controller_is_killed_ends_and_the_rerun_finishes(bare: Controller) -> None:
    """With the name mended, the launch is held at its certificate, and the controller killed."""
    bare.name({pod: bare.lab.number("bare") for pod in bare.pods})
    with bare.held("bare", str(RELOAD_LOCK)):
        killed = bare.begin("up")
        killed.wait_for(f"waits for {RELOAD_LOCK}, held by")
        killed.send(signal.SIGKILL)
        killed.ended()
        found = bare.podfleet("status", "--json").json["pods"]
        follower, rerun = bare.begin("follow", "--pod", "beta"), bare.begin("up", "--json")
        rerun.wait_for("waits for launch")
        assert bare.serves("alpha")
    (operation,) = [pod["operation"] for pod in found if pod["operation"]]
    assert (operation["operation"], operation["step"]) == ("launch", "certificate")
    assert follower.ended() == 0, follower.said()
    assert "launch: done" in follower.said()
    assert rerun.ended() == 0, rerun.said()
    pairs = json.loads(rerun.said()[rerun.said().index("\n{") :])["pairs"]
    assert [pair["state"] for pair in pairs] == ["ok", "ok"]
    assert bare.serves("beta")
    assert bare.has_nothing_to_do()
