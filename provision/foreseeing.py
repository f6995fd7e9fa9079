"""What an upgrade would do to a pod and cost it, as far as can be told without beginning it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provision.fleet.upgrades import kinds_for
from provision.history import seconds
from provision.operations.dispatch import ask_host
from provision.refused import refused_before, words_of
from provision.releases.build import stored_artifact
from provision.releases.manifest import Manifest
from provision.report import Report
from provision.targets import Target

FORETOLD = ("path", "order", "pending", "predicted_seconds", "needs_bytes")
FORETOLD_LATER = (
    "what it means for the pod is known then: --rehearse builds it, and tries it on a copy"
)


@dataclass(frozen=True)
class Foreseen:
    """One pod's upgrade, foretold; `told` is empty where the release is not built yet."""

    pod: str
    running: str
    to: str
    release_id: str | None
    told: Mapping[str, Any]
    refused: Mapping[str, Any] | None = None

    def lines(self) -> list[str]:
        first = f"pod {self.pod}: {self.running} becomes {self.release_id or self.to}"
        return [first, *(f"  {line}" for line in self.more())]

    def more(self) -> list[str]:
        """Way, migrations, predicted hold, need of disk; what speaks against it."""
        if self.release_id is None:
            return [f"it would be built first, and {FORETOLD_LATER}"]
        pending = self.told.get("pending") or []
        more = [f"path {self.told.get('path')}, order {self.told.get('order')}"]
        more.append(f"{len(pending)} pending migrations: {', '.join(pending)}" if pending else "")
        more += [f"{words} {', '.join(found)}" for words, found in self._remarkable() if found]
        more.append(f"predicted to hold requests for {seconds(self.told.get('predicted_seconds'))}")
        if self.told.get("needs_bytes") is not None:
            more.append(f"needs {self.told['needs_bytes'] / 1024**2:.0f} MiB of disk")
        if self.refused:
            more.append(words_of(self.refused))
        return [line for line in more if line]

    def _remarkable(self) -> list[tuple[str, list[str]]]:
        return [
            ("not in the catalogue, counted as breaking:", self.told.get("unknown") or []),
            ("irreversible but by the database from before:", self.told.get("irreversible") or []),
        ]

    def to_json(self) -> dict[str, Any]:
        """`upgrade --dry-run --json`: one object a pod."""
        return {
            "pod": self.pod,
            "from": self.running,
            "to": self.release_id or self.to,
            "outcome": "foreseen",
            "refused": self.refused,
            **dict.fromkeys(FORETOLD),
            **self.told,
        }


def foresee(target: Target, report: Report) -> Foreseen:
    """Asks the host, with what the store knows of the release; nothing is built."""
    architecture = target.host_facts.architecture
    artifact = stored_artifact(target.pod, report, architecture=architecture)
    if artifact is None:
        return Foreseen(target.pod.name, target.running, target.pod.release, None, {})
    request = _request(target, artifact.manifest)
    told = ask_host(target.connection, target.pod.name, "look-ahead", request)
    return Foreseen(
        target.pod.name,
        target.running,
        target.pod.release,
        artifact.release_id,
        json.loads(told),
        refused_before(target.facts.refused, artifact.release_id),
    )


def _request(target: Target, manifest: Manifest) -> dict[str, Any]:
    return {
        "migrations": [migration.name for migration in manifest.migrations],
        "kinds": dict(kinds_for(target.pod.release, target.running_version)),
        "unpacked_bytes": manifest.unpacked_bytes,
        "host_memory_mb": target.host.memory // 1024**2,
    }
