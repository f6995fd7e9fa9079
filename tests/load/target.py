"""Where the pod is, and how a connection to it is made: TLS, verified, by its public name."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

# Longer than nginx's own patience: what nginx gives up is an answer of nginx, not of ours.
TIMEOUT_SECONDS = 75.0


@dataclass(frozen=True)
class Target:
    """A pod: its public name, an address to find it at, and whom to trust."""

    domain: str
    port: int
    address: str
    ca_file: str | None

    @classmethod
    def of(cls, url: str, address: str | None, ca_file: str | None) -> Target:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise SystemExit(f"{url}: is no https:// address")
        return cls(parts.hostname, parts.port or 443, address or parts.hostname, ca_file)

    def connect(self, protocol: str) -> ssl.SSLSocket:
        """A connection that speaks `protocol` (http/1.1 or h2)."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.set_alpn_protocols([protocol])
        plain = socket.create_connection((self.address, self.port), TIMEOUT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wrapped = context.wrap_socket(plain, server_hostname=self.domain)
        if wrapped.selected_alpn_protocol() != protocol:
            wrapped.close()
            raise ConnectionError(f"{self.domain} does not speak {protocol}")
        return wrapped
