"""`validate --hosts` on real hosts: what stands in a launch's way is named before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.standing import Standing


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    standing = Standing.copied("lab", tmp_path_factory.mktemp("preflight"), "preflight")
    try:
        standing.podfleet("lab up")
        # The image holds nginx already, and Debian starts it; here the ports shall be free.
        standing.on("one", "systemctl", "stop", "nginx.service")
        yield standing
    finally:
        standing.podfleet("lab down", "--purge", "--yes")


def findings(fleet: Standing, host: str = "one") -> tuple[int, list[dict[str, Any]]]:
    ran = fleet.podfleet("validate", "--hosts", "--host", host, "--json", check=False)
    return ran.code, ran.json


def failed(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in found if each["outcome"] == "failed"]


def test_a_fit_host_passes_and_a_token_arrives_over_both_protocols(fleet: Standing) -> None:
    code, found = findings(fleet)
    assert (code, failed(found)) == (0, [])
    doors = [each for each in found if each["check"] in ("port 80", "port 443")]
    assert len(doors) == 2 * 2 * 2, "two pods, two ports, two protocols"
    assert all("the token arrived" in each["evidence"] for each in doors)
    assert {"root", "Debian release", "memory", "disk", "clock"} <= {f["check"] for f in found}


def test_nothing_of_the_listener_stays(fleet: Standing) -> None:
    findings(fleet)
    assert fleet.on("one", "ss", "-Hlnt", "sport = :80 or sport = :443") == ""


def test_who_else_listens_is_named(fleet: Standing) -> None:
    web = ["python3", "-m", "http.server", "80"]
    fleet.on("one", "systemd-run", "--quiet", "--unit=stranger", *web)
    wait = "until ss -Hlnt 'sport = :80' | grep -q .; do sleep 0.1; done"
    fleet.on("one", "timeout", "10", "sh", "-c", wait)
    try:
        code, found = findings(fleet)
    finally:
        fleet.on("one", "systemctl", "stop", "stranger.service")
    (one,) = failed(found)
    assert code == 1
    assert (one["check"], one["host"], one["pod"]) == ("port 80", "one", None)
    assert "python3 listens" in one["evidence"] and "python3" in one["do"]


def test_a_closed_port_is_found(fleet: Standing) -> None:
    fleet.on("one", "nft", "add table inet closed")
    fleet.on("one", "nft", "add chain inet closed input { type filter hook input priority 0; }")
    fleet.on("one", "nft", "add rule inet closed input tcp dport 443 drop")
    try:
        code, found = findings(fleet)
    finally:
        fleet.on("one", "nft", "delete table inet closed")
    assert code == 1
    assert {each["check"] for each in failed(found)} == {"port 443"}
    assert all("timed out" in each["evidence"] for each in failed(found))
    assert all("firewall" in each["do"] for each in failed(found))


def test_too_much_declared_memory_is_found(fleet: Standing) -> None:
    fleet.edit('memory = "2 GiB"', 'memory = "4000 GiB"')
    try:
        code, found = findings(fleet)
    finally:
        fleet.edit('memory = "4000 GiB"', 'memory = "2 GiB"')
    (one,) = failed(found)
    assert (code, one["check"]) == (1, "memory")


RELAY = """
import socket
with socket.create_server(("0.0.0.0", 2525)) as relay:
    while True:
        client, _ = relay.accept()
        client.sendall(b"220 relay.lab.test ESMTP\\r\\n")
        client.close()
"""


def test_the_mail_relay_is_asked_for_its_greeting(fleet: Standing) -> None:
    relay = '{ host = "two.lab.test", port = 2525, authentication = "none" }'
    mail = f'enable = true\nsender_address = "a@alpha.lab.test"\nmethod = "smtp"\nsmtp = {relay}'
    text = fleet.file.read_text()
    fleet.file.write_text(f"{text}\n[pods.alpha.diaspora.mail]\n{mail}\n")
    try:
        _, silent = findings(fleet)
        fleet.on("two", "systemd-run", "--quiet", "--unit=relay", "python3", "-c", RELAY)
        wait = "until ss -Hlnt 'sport = :2525' | grep -q .; do sleep 0.1; done"
        fleet.on("two", "timeout", "10", "sh", "-c", wait)
        _, greeted = findings(fleet)
    finally:
        fleet.file.write_text(text)
        fleet.on("two", "systemctl", "stop", "relay.service", check=False)
    (without,) = [each for each in silent if (each["check"], each["pod"]) == ("mail", "alpha")]
    (with_it,) = [each for each in greeted if (each["check"], each["pod"]) == ("mail", "alpha")]
    assert without["outcome"] == "failed" and "two.lab.test:2525" in without["evidence"]
    assert with_it["outcome"] == "passed"
    assert "220 relay.lab.test ESMTP" in with_it["evidence"]


def test_a_host_without_network_is_a_finding_with_what_to_do(fleet: Standing) -> None:
    fleet.podfleet("lab cut", "two")
    try:
        code, found = findings(fleet, "two")
    finally:
        fleet.podfleet("lab heal", "two")
    (one,) = failed(found)
    assert (code, one["check"], one["host"]) == (1, "SSH", "two")
    assert one["do"]
