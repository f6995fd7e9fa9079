"""Hosts that cannot be reached as they should: `plan` and `status` say so, `up` touches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

import pytest

from provision.lab.network import GATEWAY
from tests.lab.faults.controller import Controller, Host


@contextmanager
def closed_port(stood: Controller) -> Iterator[None]:
    with stood.otherwise(hosts={"one": Host(port=2222, number=GATEWAY)}):
        yield


@contextmanager
def changed_key(stood: Controller) -> Iterator[None]:
    """The fleet has pinned another key than the host shows: here, the lab's own public key."""
    known = stood.directory / "known_hosts"
    pinned = known.read_text()
    other = stood.identity.with_suffix(".pub").read_text().split()[:2]
    stood.hang_up()
    known.write_text(" ".join(["one", *other]) + "\n")
    try:
        yield
    finally:
        known.write_text(pinned)


@contextmanager
def user_without_sudo(stood: Controller) -> Iterator[None]:
    make_user(stood, "plain")
    with stood.otherwise(hosts={"one": Host(user="plain")}):
        yield


def make_user(stood: Controller, name: str) -> None:
    script = f"id {name} 2>/dev/null || useradd --create-home --shell /bin/sh {name}; "
    script += f"cp -rT /root/.ssh /home/{name}/.ssh; chown -R {name}: /home/{name}/.ssh"
    stood.shell("one", script)


FAULTS = {
    "connection refused": (closed_port, "refuses connections", "its SSH server listens"),
    "host key changed": (
        changed_key,
        "known_hosts:1: someone may be listening in",
        "delete line 1",
    ),
    "not root": (user_without_sudo, "plain@", "let that user run sudo without a password"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_host_that_is_not_reached_is_told_and_left_alone(stood: Controller, fault: str) -> None:
    broken, what, do = FAULTS[fault]
    with broken(stood):
        before = stood.traces("one")
        status, plan = stood.podfleet("status", "--json"), stood.podfleet("plan", "--json")
        said = stood.refused("up")
        assert stood.traces("one") == before
        assert stood.serves("alpha")
    (host,) = status.json["hosts"]
    assert (host["reachable"], host["platform_level"]) == (False, None)
    assert what in host["reason"] and do in host["reason"]
    assert [pod["state"] for pod in status.json["pods"]] == ["unknown"]
    assert [part["action"] for part in plan.json["hosts"]] == ["unreachable"]
    assert what in said and do in said
    assert "Nothing to do." in stood.podfleet("up").stdout


def test_a_user_with_sudo_does_all_that_root_does(stood: Controller) -> None:
    make_user(stood, "ops")
    stood.shell("one", "command -v sudo || (apt-get -q update && apt-get -q -y install sudo)")
    rule = b"ops ALL=(ALL) NOPASSWD: ALL\n"
    stood.connection("one").send_file(rule, PurePosixPath("/etc/sudoers.d/ops"), 0o440)
    with stood.otherwise(hosts={"one": Host(user="ops")}):
        stood.podfleet("up", "--deep")
        assert stood.has_nothing_to_do()
        assert stood.state_of("alpha") == "serving"
