"""Where the monitor finds what it reads of one pod: derived from the pod's name, as everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# The system user that the monitor runs as; its role in PostgreSQL and in Redis has the same name.
MONITOR_USER = "podfleet-monitor"


@dataclass(frozen=True)
class PodPlace:
    """One pod of this host; `root` is the host's file system."""

    name: str
    domain: str
    root: Path = Path("/")

    @property
    def home(self) -> Path:
        return self.root / "srv/pods" / self.name

    @property
    def is_there(self) -> bool:
        """Whether the host has such a pod."""
        return self.home.is_dir()

    @property
    def log(self) -> Path:
        return self.home / "shared/log"

    @property
    def production_log(self) -> Path:
        """Where diaspora* says what it delivered and received."""
        return self.log / "production.log"

    @property
    def redis_instance(self) -> str:
        return f"pod-{self.name}"

    @property
    def redis_socket(self) -> Path:
        return self.root / f"run/redis-{self.redis_instance}/redis.sock"

    @property
    def postgres_socket(self) -> Path:
        return self.root / "var/run/postgresql/.s.PGSQL.5432"

    @property
    def facts(self) -> Path:
        """What root's operations tell of the pod: release, database, operations, exports."""
        return self.root / "var/lib/podfleet-facts" / f"{self.name}.json"
