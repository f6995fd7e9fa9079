"""The listener that answers with a token: run for real, on ports of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from provision.preflight import doors, names
from provision.preflight.finding import Finding

SOURCE = doors._LISTENER.read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def listener(port: int) -> Iterator[dict[str, str | None]]:
    script = SOURCE.replace("PORTS = (80, 443)", f"PORTS = ({port},)")
    assert str(port) in script
    argv = [sys.executable, "-I", "-c", script, "a-token"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            assert process.wait(timeout=5) == 0


def test_the_token_arrives_while_it_listens_and_not_afterwards() -> None:
    port = free_port()
    with listener(port) as taken:
        assert taken == {str(port): None}
        for _ in range(2):
            answer = doors._ask("127.0.0.1", port, b"GET / HTTP/1.0\r\n\r\n")
            assert isinstance(answer, bytes) and answer.endswith(b"\r\n\r\na-token")
    refused = doors._ask("127.0.0.1", port, b"\r\n")
    assert isinstance(refused, str) and "refused" in refused


def test_somebody_else_on_the_port_is_named() -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = other.getsockname()[1]
        with listener(port) as taken:
            assert taken[str(port)]


@pytest.mark.parametrize(
    ("name", "expected"), [("localhost", ["127.0.0.1"]), ("no-such-name.invalid", [])]
)
def test_a_name_without_address_is_no_error(name: str, expected: list[str]) -> None:
    assert names.resolve(name, socket.AF_INET) == expected


def test_a_finding_says_where_what_and_what_to_do() -> None:
    finding = Finding("disk", "vps", None, "failed", "1.0 GiB free", "Make room.")
    assert finding.line() == "failed  host vps: disk: 1.0 GiB free. Make room."
