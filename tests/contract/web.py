"""Asks a pod over verified TLS at a given address, and follows no redirect."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Response:
    """What a pod answered. Header names are lower case; cookies are kept as a list."""

    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> object:
        return json.loads(self.body)


@dataclass(frozen=True)
class Web:
    """One pod, as its visitors reach it."""

    url: str
    address: str
    ca: Path | None
    port: int = 443

    @property
    def host(self) -> str:
        return str(urlsplit(self.url).hostname)

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        connection = http.client.HTTPConnection(self.host, timeout=TIMEOUT_SECONDS)
        connection.sock = self._connect()
        try:
            connection.request(method, path, body, {"Host": self.host, **(headers or {})})
            return _read(connection.getresponse())
        finally:
            connection.close()

    def _connect(self) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        plain = socket.create_connection((self.address, self.port), TIMEOUT_SECONDS)
        return context.wrap_socket(plain, server_hostname=self.host)


def _read(answer: http.client.HTTPResponse) -> Response:
    headers = {name.lower(): value for name, value in answer.getheaders()}
    cookies = tuple(answer.msg.get_all("set-cookie", []))
    return Response(answer.status, headers, cookies, answer.read())
