"""Asks a release over its own socket, as nginx does, before anybody else can reach it."""

from __future__ import annotations

import http.client
import socket
from pathlib import PurePosixPath

TIMEOUT_SECONDS = 15


def ask(path: PurePosixPath, domain: str, target: str) -> tuple[int, bytes]:
    """Status and body of a GET; (0, b"") where there is no answer."""
    connection = _UnixConnection(path)
    try:
        connection.request("GET", target, headers={"Host": domain, "X-Forwarded-Proto": "https"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: PurePosixPath) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
