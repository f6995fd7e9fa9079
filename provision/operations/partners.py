"""A pod and its partners as the gate of federation sees them from the pod's own host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring.canary.pods import REQUEST_LIMITS, CanaryPod, Token
from monitoring.prober.nodeinfo import Probe, probe_nodeinfo
from provision.contract import CA_BUNDLE
from provision.operations.gates import LOOPBACK
from provision.operations.layout import PARTNERS
from provision.operations.operation import Operation
from provision.writing import write_atomically

# A fleet may have many pods; so many are proof enough, and bother nobody.
MOST = 8


@dataclass(frozen=True)
class Partners:
    """The pod itself, at this host's nginx, and the pods that its canary flies to."""

    own: CanaryPod
    others: tuple[CanaryPod, ...]

    def named(self, name: str) -> CanaryPod:
        return next(pod for pod in (self.own, *self.others) if pod.name == name)


def partners(operation: Operation, pod: Mapping[str, Any]) -> Partners:
    """The launched partners, as the stage says; without one, as the last stage did. One whose
    canary has no token was never launched, and is none."""
    tokens = _tokens(operation)
    others = [
        _canary(str(one["name"]), str(one["domain"]), tokens[str(one["domain"])])
        for one in pod["partners"]
        if one["domain"] in tokens
    ]
    own = _canary(str(pod["name"]), str(pod["domain"]), _own_token(operation), LOOPBACK)
    return Partners(own, tuple(others[:MOST]))


def keep(operation: Operation) -> None:
    """What the stage brought stays for a rollback, which has none."""
    staged = operation.stage / "secrets" / PARTNERS
    if staged.exists():
        write_atomically(Path(operation.layout.partners), staged.read_bytes(), mode=0o600)


def _tokens(operation: Operation) -> dict[str, Token]:
    staged, kept = operation.stage / "secrets" / PARTNERS, Path(operation.layout.partners)
    source = staged if staged.exists() else kept
    found = json.loads(source.read_bytes()) if source.exists() else []
    return {one["domain"]: Token.from_json(json.dumps(one["token"])) for one in found}


def _own_token(operation: Operation) -> Token | None:
    path = Path(operation.layout.canary_tokens)
    return Token.from_json(path.read_text()) if path.exists() else None


def _canary(name: str, domain: str, token: Token | None, address: str | None = None) -> CanaryPod:
    return CanaryPod(name, f"https://{domain}", token, address, str(CA_BUNDLE))


async def look(pod: CanaryPod) -> Probe:
    """Whether a pod answers, by its NodeInfo."""
    return await probe_nodeinfo(
        pod.url, address=pod.address, ca_file=pod.ca_file, limits=REQUEST_LIMITS
    )
