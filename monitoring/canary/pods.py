"""The two ends of a flight: where a pod is, and the token of its canary account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring.prober.limits import Limits
from monitoring.prober.session import Session
from monitoring.prober.target import parse_target

# No tag and no mention, always the same: leftovers are known by it.
TEXT = "This post shows that pods reach one another. It is taken back within minutes."

# One request to a pod of our own.
REQUEST_LIMITS = Limits(deadline_seconds=15.0, connect_seconds=6.0, allow_private=True)


@dataclass(frozen=True)
class Token:
    """What the canary account was given once; access tokens are made from it. Never shown."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @classmethod
    def from_json(cls, text: str) -> Token:
        """Reads {"client_id", "client_secret", "refresh_token"}; further members are ignored."""
        stored: Mapping[str, Any] = json.loads(text)
        return cls(*(str(stored[name]) for name in ("client_id", "client_secret", "refresh_token")))


@dataclass(frozen=True)
class CanaryPod:
    """A pod that takes part; without a token it can only receive."""

    name: str
    url: str
    token: Token | None = None
    # Instead of what the name resolves to.
    address: str | None = None
    # Instead of the system's certificate authorities.
    ca_file: str | None = None
    # Whom the pod's admin may write to; goes into the User-Agent.
    contact: str = ""

    @property
    def domain(self) -> str:
        return parse_target(self.url).host

    def session(self) -> Session:
        """A connection to the pod's public name, still to be opened."""
        return Session(
            parse_target(self.url),
            address=self.address,
            ca_file=self.ca_file,
            limits=REQUEST_LIMITS,
            contact=self.contact,
        )
