"""Facts: what a host says of itself in one call, as the controller works with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision.errors import Refusal
from provision.hosts.connection import Connection
from provision.hosts.drift import Drift

_SCRIPT = Path(__file__).with_name("host_state.py")
_FORMAT = 1
# The state of a pod that answers from its release, of those that PodFacts.state names.
SERVING = "serving"


@dataclass(frozen=True)
class PlatformFacts:
    """What the last platform run left, and what is no longer so."""

    level: int
    digest: str
    runtime: str
    drift: tuple[Drift, ...]
    # Digest of each managed file as it was applied, by path.
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OperationFacts:
    """The newest operation of a pod."""

    id: str
    operation: str
    operator: str
    since: str | None
    step: str | None
    finished: bool
    exit: int | None

    def __str__(self) -> str:
        at = f", at step {self.step}" if self.step else ""
        who = f" by {self.operator}" if self.operator else ""
        ended = f", ended with {self.exit}" if self.finished else ""
        return f"{self.operation} {self.id}{who} since {self.since}{at}{ended}"


@dataclass(frozen=True)
class PodFacts:
    """One pod on the host; `record` is pod.json as the last operation wrote it."""

    record: dict[str, Any] | None
    drift: tuple[Drift, ...]
    operation: OperationFacts | None
    units: dict[str, str]
    # serving, maintenance, degraded, down or absent
    state: str
    releases: tuple[dict[str, Any], ...]
    exports: tuple[dict[str, Any], ...]
    # Releases that a red gate refused: {"release_id", "at", "why"}, oldest first.
    refused: tuple[dict[str, Any], ...]
    stay_down: bool
    # {"release_id", "database", "is_warm", "since"}: where a rollback leads; None where to none.
    way_back: dict[str, Any] | None = None


@dataclass(frozen=True)
class HostFacts:
    """One host, at the moment it was asked."""

    debian: str
    architecture: str
    python: str
    memory_bytes: int
    disk_free_bytes: int
    clock: float
    platform: PlatformFacts | None
    pods: dict[str, PodFacts]


def gather(connection: Connection) -> HostFacts:
    """Asks the host, in one round trip; works on a bare Debian, too."""
    done = connection.run(["python3", "-I", "-"], stdin=_SCRIPT.read_bytes())
    state = json.loads(done.stdout)
    if state["format"] != _FORMAT:
        raise Refusal(
            f"host {connection.name}",
            f"its state has format {state['format']}, this podfleet reads {_FORMAT}",
            "Use the podfleet that wrote it, or a newer one.",
        )
    return _host_facts(state)


def _host_facts(state: dict[str, Any]) -> HostFacts:
    fields = {k: v for k, v in state.items() if k not in ("format", "platform", "pods")}
    return HostFacts(
        **fields,
        platform=_platform(state["platform"]) if state["platform"] else None,
        pods={name: _pod(pod) for name, pod in state["pods"].items()},
    )


def _platform(state: dict[str, Any]) -> PlatformFacts:
    return PlatformFacts(**{**state, "drift": _drift(state["drift"])})


def _pod(state: dict[str, Any]) -> PodFacts:
    lists: dict[str, Any] = {key: tuple(state[key]) for key in ("releases", "exports", "refused")}
    lists["drift"] = _drift(state["drift"])
    operation = OperationFacts(**state["operation"]) if state["operation"] else None
    return PodFacts(**{**state, **lists, "operation": operation})


def _drift(found: list[dict[str, Any]]) -> tuple[Drift, ...]:
    return tuple(Drift(**one) for one in found)
