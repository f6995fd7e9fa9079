"""What a probe knocks at: scheme, host and port out of what a person or a database says."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from monitoring.prober.failure import ProbeFailed
from monitoring.reasons import Reason

PORTS = {"https": 443, "http": 80}
_NAME = re.compile(r"(?=.{1,253}\Z)(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?\Z")


@dataclass(frozen=True)
class Target:
    """One server, by name."""

    scheme: str
    host: str
    port: int

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str) -> Target:
    """`https://pod.example.org`, `pod.example.org`, `http://[2001:db8::1]:3000`; path ignored."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        scheme, port = parts.scheme.lower(), parts.port
    except (ValueError, UnicodeError) as error:
        raise ProbeFailed(Reason.BAD_URL, str(error)) from error
    return make_target(scheme, parts.hostname or "", port)


def make_target(scheme: str, host: str, port: int | None) -> Target:
    """The same of parts that are known already; `port` None is the scheme's own."""
    try:
        name = _ascii_host(host)
    except (ValueError, UnicodeError) as error:
        raise ProbeFailed(Reason.BAD_URL, str(error)) from error
    if scheme not in PORTS:
        raise ProbeFailed(Reason.BAD_URL, f"{scheme} is not https or http")
    if port is not None and not 0 < port < 2**16:
        raise ProbeFailed(Reason.BAD_URL, f"{port} is no port")
    return Target(scheme, name, port or PORTS[scheme])


def _ascii_host(host: str) -> str:
    """The host as it goes over the wire; a name in another script becomes its xn-- form."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    name = host.encode("idna").decode("ascii").lower()
    if not _NAME.match(name):
        raise ValueError("not a host name")
    return name.rstrip(".")
