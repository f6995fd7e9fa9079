"""What the dashboard is told in /etc/podfleet/dashboard.json, and what holds unless it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

PATH = Path("/etc/podfleet/dashboard.json")
# Data older than so many of its source's intervals is stale.
STALE_INTERVALS = 3
# How often a pod's exporter reads, whatever else the fleet says: see monitoring/pod/exporter.py.
READ_SECONDS = 30.0
# Certificates change seldom, and are read so: see monitoring/pod/sources.py.
CERTIFICATE_SECONDS = 300.0


@dataclass(frozen=True)
class Settings:
    """One fleet; intervals in seconds."""

    fleet: str = "podfleet"
    prometheus: str = "http://127.0.0.1:9090"
    own_seconds: float = 30
    peer_seconds: float = 300
    canary_seconds: float = 300
    # Where the runbook is published besides; None: only here.
    runbooks: str | None = None

    def stale_after(self, source: str) -> float:
        """The age in seconds from which on what this source said is stale."""
        intervals = {
            "outside": self.own_seconds,
            "probe": self.peer_seconds,
            "canary": self.canary_seconds,
            "certificate": CERTIFICATE_SECONDS,
        }
        return STALE_INTERVALS * intervals.get(source, READ_SECONDS)


def load_settings(path: Path) -> Settings:
    """Raises OSError or ValueError where there is no such file, or it is none of ours."""
    told = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(told, dict):
        raise ValueError(f"{path}: this is no table of settings")
    known = {field.name for field in fields(Settings)}
    return Settings(**{name: value for name, value in told.items() if name in known})
