"""SSH, HTTP and HTTPS come in; pods reach the world, and nothing that is private."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.lab.platform.conftest import DOMAIN
from tests.lab.platform.platform_host import PlatformHost

# curl's exit codes.
ANSWERED, REFUSED, RESET = 0, 7, 56
OWN_PRIVATE = "192.168.77.1"
SERVER = "python3 -m http.server --bind :: 8099"


@pytest.fixture(scope="module")
def served(platform: PlatformHost) -> Iterator[PlatformHost]:
    """The host with a server that means to be private, on every address, one more among them."""
    platform.shell(f"ip address add {OWN_PRIVATE}/32 dev lo")
    platform.shell(f"systemd-run --collect --unit=private-server {SERVER}")
    platform.shell("until curl -so /dev/null http://127.0.0.1:8099/; do sleep 0.1; done")
    yield platform
    platform.shell("systemctl stop private-server")
    platform.shell(f"ip address del {OWN_PRIVATE}/32 dev lo")


def curl(url: str, *arguments: str) -> list[str]:
    return ["curl", "--silent", "--output", "/dev/null", "--max-time", "3", *arguments, url]


PRIVATE = (
    "http://127.0.0.1:8099/",
    "http://127.0.0.2:8099/",
    "http://[::1]:8099/",
    "http://[::ffff:127.0.0.1]:8099/",
    "http://0.0.0.0:8099/",
    f"http://{OWN_PRIVATE}:8099/",
)
ELSEWHERE = (
    "http://169.254.169.254/latest/meta-data/",
    "http://192.168.88.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://[fd00:ec2::254]/",
)


@pytest.mark.parametrize("url", PRIVATE)
def test_pod_does_not_reach_what_listens_here(served: PlatformHost, url: str) -> None:
    assert served.code(*curl(url)) == ANSWERED
    assert served.code_as_pod(*curl(url)) == REFUSED


@pytest.mark.parametrize("url", ELSEWHERE)
def test_pod_does_not_reach_private_networks(served: PlatformHost, url: str) -> None:
    """Refused at once by this host; root's packets leave it, and nobody answers them."""
    assert served.code_as_pod(*curl(url)) == REFUSED
    assert served.code(*curl(url)) != REFUSED


def test_pod_reaches_its_own_public_name_over_lo(served: PlatformHost) -> None:
    address = served.connection.endpoint.address
    route = served.shell(f"ip route get {address}")
    assert "dev lo" in route
    # No pod is here yet: nginx resets what asks for an unknown name.
    assert served.code_as_pod(*curl(f"http://{DOMAIN}/")) == RESET
    assert served.code_as_pod(*curl(f"http://{DOMAIN}:8099/")) == ANSWERED


def test_pod_reaches_networks_that_the_fleet_file_lists(served: PlatformHost) -> None:
    ca = "/etc/ssl/certs/ca-certificates.crt"
    directory = served.fleet.acme.directory
    assert served.code_as_pod(*curl(directory, "--cacert", ca)) == ANSWERED


def test_pod_resolves_names(served: PlatformHost) -> None:
    assert served.code_as_pod("getent", "hosts", DOMAIN) == 0


@pytest.mark.parametrize("port", [22, 80, 443])
def test_open_from_outside(served: PlatformHost, port: int) -> None:
    for address in addresses(served):
        socket.create_connection((address, port), timeout=3).close()


@pytest.mark.parametrize("port", [5432, 6379, 8099])
def test_closed_from_outside(served: PlatformHost, port: int) -> None:
    for address in addresses(served):
        with pytest.raises(TimeoutError):
            socket.create_connection((address, port), timeout=1)


def addresses(platform: PlatformHost) -> tuple[str, str]:
    """The host's addresses, v4 and v6."""
    return platform.lab.network().addresses(platform.lab.number("one"))
