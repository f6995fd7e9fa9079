"""One keep-alive HTTP/1.1 connection. Nothing is ever asked twice: what fails has failed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from tests.load.asking import Ask
from tests.load.target import Target

PARTS = 12


@dataclass(frozen=True)
class Answer:
    """How a request ended."""

    status: int
    body: bytes = b""
    error: str | None = None


class Http1Client:
    """A connection that is opened when it is first needed, and again after the pod closed it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection: HTTPConnection | None = None

    def ask(self, ask: Ask) -> Answer:
        try:
            return self._ask(self._open(), ask)
        except (OSError, HTTPException) as error:
            self.close()
            return Answer(0, error=f"{type(error).__name__}: {error}")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> HTTPConnection:
        if self._connection is None:
            connection = HTTPConnection(self._target.domain, self._target.port)
            connection.sock = self._target.connect("http/1.1")
            # By hand alone: opened by itself, it would speak without TLS.
            connection.auto_open = 0
            self._connection = connection
        return self._connection

    def _ask(self, connection: HTTPConnection, ask: Ask) -> Answer:
        connection.putrequest(ask.method, ask.path, skip_host=True, skip_accept_encoding=True)
        headers = {"Host": self._target.domain, **ask.headers}
        if ask.body is not None:
            headers["Content-Length"] = str(len(ask.body))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        for part in _parts(ask):
            connection.send(part)
        answer = connection.getresponse()
        body = answer.read()
        if answer.will_close:
            self.close()
        return Answer(answer.status, body)


def _parts(ask: Ask) -> Iterator[bytes]:
    """The body at once, or in parts with pauses between them."""
    body = ask.body or b""
    size = len(body) // PARTS + 1 if ask.spread_seconds else max(len(body), 1)
    for begin in range(0, len(body), size):
        if begin:
            time.sleep(ask.spread_seconds / (PARTS - 1))
        yield body[begin : begin + size]
