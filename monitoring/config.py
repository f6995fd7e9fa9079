"""What a host's monitor is told: /etc/podfleet/monitor.json, and the canaries' tokens beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
CONFIG = Path("/etc/podfleet/monitor.json")
TOKENS = Path("/etc/podfleet/canary.json")


@dataclass(frozen=True)
class NamedPod:
    """A pod of the fleet; all else about it follows from the two."""

    name: str
    domain: str


@dataclass(frozen=True)
class MonitorConfig:
    """Which parts run: `pods` are exported and their peers probed; of `fleet`, each pod is looked
    at from outside and canaries fly between them. Either may be empty."""

    host: str
    address: str
    port: int
    contact: str
    allow_private: bool
    ca_file: str | None
    pods: tuple[NamedPod, ...]
    fleet: tuple[NamedPod, ...]
    peers: tuple[str, ...]
    peer_seconds: float
    own_seconds: float
    canary_seconds: float
    max_peers: int


def load_config(path: Path = CONFIG) -> MonitorConfig:
    """Raises ValueError, with the file's name, where it is not what podfleet writes."""
    told = json.loads(path.read_text(encoding="utf-8"))
    if told.get("format") != FORMAT:
        raise ValueError(f"{path}: has format {told.get('format')}, this monitor reads {FORMAT}")
    address, _, port = str(told["listen"]).rpartition(":")
    return MonitorConfig(
        host=str(told["host"]),
        address=address,
        port=int(port),
        contact=str(told["contact"]),
        allow_private=bool(told["allow_private"]),
        ca_file=told["ca_file"],
        pods=_pods(told["pods"]),
        fleet=_pods(told["fleet"]),
        peers=tuple(map(str, told["peers"])),
        peer_seconds=float(told["peer_seconds"]),
        own_seconds=float(told["own_seconds"]),
        canary_seconds=float(told["canary_seconds"]),
        max_peers=int(told["max_peers"]),
    )


def _pods(told: list[Mapping[str, Any]]) -> tuple[NamedPod, ...]:
    return tuple(NamedPod(str(pod["name"]), str(pod["domain"])) for pod in told)
