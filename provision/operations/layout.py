"""Places of a pod that only operations use, beside those that contract.py shares with others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from provision.contract import PodPlaces

LETSENCRYPT = PurePosixPath("/etc/letsencrypt/live")
# The partners of a pod with their canaries' tokens: among the secrets of a stage, then kept.
PARTNERS = "partners.json"


@dataclass(frozen=True)
class PodLayout:
    """Derived from the pod's places, as those are from its name."""

    places: PodPlaces

    @property
    def web_down_flag(self) -> PurePosixPath:
        """There while the web process cannot boot: nginx answers 503 instead of waiting."""
        return self.places.home / "web-down"

    @property
    def maintenance_page(self) -> PurePosixPath:
        return self.places.home / "maintenance.html"

    @property
    def redis_directory(self) -> PurePosixPath:
        return PurePosixPath("/var/lib/redis") / self.places.redis_instance

    @property
    def redis_configuration(self) -> PurePosixPath:
        return PurePosixPath(f"/etc/redis/redis-{self.places.redis_instance}.conf")

    @property
    def nginx_include(self) -> PurePosixPath:
        return PurePosixPath(f"/etc/nginx/podfleet/{self.places.user}.conf")

    @property
    def logrotate(self) -> PurePosixPath:
        return PurePosixPath(f"/etc/logrotate.d/{self.places.user}")

    def certificate(self, domain: str) -> PurePosixPath:
        """certbot's directory of the live certificate."""
        return LETSENCRYPT / domain

    @property
    def canary_tokens(self) -> PurePosixPath:
        """What the pod's canary posts with; the controller takes a copy into the vault."""
        return self.places.state / "canary.json"

    @property
    def partners(self) -> PurePosixPath:
        """Whom the gate of federation sends canaries to, and with what those answer."""
        return self.places.state / PARTNERS

    @property
    def ways_back(self) -> PurePosixPath:
        """What is kept of releases before the live one, a directory each."""
        return self.places.way_back("any").parent

    @property
    def lock(self) -> PurePosixPath:
        """Held by the pod's running operation."""
        return self.places.state / "operation.lock"
