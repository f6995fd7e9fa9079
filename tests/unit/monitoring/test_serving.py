"""The scrape's answer, over real sockets: for those who ask well, and for those who do not."""

from __future__ import annotations

import gzip
import http.client
import socket
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from monitoring import serving
from monitoring.board import Board
from monitoring.metrics import PEER_CONTACTS

BOARD = Board()
BOARD.publish("database", [(PEER_CONTACTS, ("alpha", f"p{n}.example.org"), n) for n in range(5000)])


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    started = serving.serve(BOARD, "127.0.0.1", 0)
    try:
        yield started
    finally:
        started.shutdown()
        started.server_close()


def ask(
    server: ThreadingHTTPServer, path: str = "/metrics", method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    try:
        connection.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def say(server: ThreadingHTTPServer, said: bytes) -> bytes:
    """Raw bytes, and all that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
        try:
            client.sendall(said)
            return b"".join(iter(lambda: client.recv(65536), b""))
        except ConnectionError:
            return b""


def test_the_metrics(server: ThreadingHTTPServer) -> None:
    status, headers, body = ask(server)
    assert (status, body) == (200, BOARD.text())
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["Server"] == "podfleet-monitor"
    assert ask(server, "/metrics?x=y")[0] == 200


@pytest.mark.parametrize(
    ("accepted", "is_gzipped"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_for_who_takes_it(
    server: ThreadingHTTPServer, accepted: str, is_gzipped: bool
) -> None:
    _, headers, body = ask(server, Accept_Encoding=accepted)
    assert (headers.get("Content-Encoding") == "gzip") is is_gzipped
    assert (gzip.decompress(body) if is_gzipped else body) == BOARD.text()


def test_head_and_what_is_not_there(server: ThreadingHTTPServer) -> None:
    status, headers, body = ask(server, method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(BOARD.text())), b"")
    assert ask(server, "/")[0] == ask(server, "/metrics/")[0] == 404
    assert ask(server, method="POST")[0] == ask(server, method="DELETE")[0] == 501


@pytest.mark.parametrize(
    "said",
    [
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 4000 + b"\r\n",
        b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 1_000_000,
        b"a" * 100_000,
    ],
)
def test_a_request_that_is_too_large_is_refused(server: ThreadingHTTPServer, said: bytes) -> None:
    answer = say(server, said)
    # What is sent beyond the answer may reset the connection before it is read.
    assert answer == b"" or b" 431 " in answer.splitlines()[0]
    assert ask(server)[0] == 200


def test_a_request_that_is_none(server: ThreadingHTTPServer) -> None:
    for said in (
        b"\x16\x03\x01 TLS?\r\n\r\n",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET x HTTP/9\r\n\r\n",
    ):
        assert b"podfleet_" not in say(server, said + b"\r\n\r\n")
    assert ask(server)[0] == 200


def test_who_drips_is_cut_off(server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "DEADLINE_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - began < 30:
                client.sendall(b"G")
                time.sleep(0.1)
    assert time.monotonic() - began < 15


def test_who_holds_connections_open_keeps_nobody_out_for_long(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "DEADLINE_SECONDS", 1.0)
    address = ("127.0.0.1", server.server_port)
    held = [socket.create_connection(address, timeout=20) for _ in range(40)]
    deadline = time.monotonic() + 30
    while True:
        try:
            assert ask(server)[0] == 200
            break
        except (ConnectionError, http.client.HTTPException):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    for client in held:
        client.close()
