"""How much of a stranger's answer a probe takes, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass

PRODUCT = "podfleet"


@dataclass(frozen=True)
class Limits:
    """Bounds of one probe; what goes past them is a finding, never our problem."""

    deadline_seconds: float = 10.0
    # Of one address; the others are tried while this one is silent.
    connect_seconds: float = 6.0
    header_bytes: int = 32 * 1024
    # After decompression too.
    body_bytes: int = 1024 * 1024
    redirects: int = 3
    # Unless true, an address that is not public is never connected to: peers come from strangers.
    allow_private: bool = False


# For anybody else's server.
STRANGER = Limits()

# For the peers of all pods, hundreds at once: diaspora* too gives up after 12 s, and NodeInfo is
# a few kilobytes, of which hundreds at once must fit into memory.
PEER = Limits(deadline_seconds=12.0, connect_seconds=4.0, body_bytes=128 * 1024)

# For pods of the fleet itself: where those are is the operator's word, not a stranger's.
OWN_POD = Limits(allow_private=True, body_bytes=8 * 1024 * 1024)


def user_agent(contact: str = "") -> str:
    """Who knocks, and whom to tell when it is a nuisance."""
    return f"{PRODUCT} (+{contact})" if contact else PRODUCT
