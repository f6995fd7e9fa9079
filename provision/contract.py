"""What roles, deploys, operations and monitoring agree on: users, paths, units, sockets, names.

Everything about a pod on its host follows from the pod's name alone, so that the controller and
the host derive the same without asking one another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

# Rises with every change of roles/ that a running pod depends on; the last role stamps it.
PLATFORM_LEVEL = 1

POD_NAME = re.compile(r"[a-z][a-z0-9]{0,15}\Z")
RELEASE_ID = re.compile(r"(?P<version>[0-9A-Za-z.+~]+)-(?P<digest>[0-9a-f]{8})\Z")

# Pod users get their uid from here, so that the firewall knows them by number.
POD_UIDS = (5000, 5999)

PODS = PurePosixPath("/srv/pods")
STATE = PurePosixPath("/var/lib/podfleet")
RUNTIMES = PurePosixPath("/opt/podfleet")
PLATFORM_RECORD = STATE / "platform.json"
ARTIFACTS = STATE / "artifacts"
TRUSTED_SIGNERS = STATE / "allowed_signers"
ACME_WEBROOT = PurePosixPath("/var/lib/podfleet-acme")
HOST_LOCK = PurePosixPath("/run/podfleet/host.lock")
RELOAD_LOCK = PurePosixPath("/run/podfleet/reload.lock")
CA_BUNDLE = PurePosixPath("/etc/ssl/certs/ca-certificates.crt")

# What watches pods runs as this user, and is of this name in PostgreSQL and in each Redis.
MONITOR_USER = "podfleet-monitor"
# What root's operations tell it of each pod.
FACTS = PurePosixPath("/var/lib/podfleet-facts")
# What it is told, and what it saw last.
MONITOR_CONFIG = PurePosixPath("/etc/podfleet")
MONITOR_STATE = PurePosixPath("/var/lib/podfleet-monitor")
# On loopback, which no pod may reach.
MONITOR_PORT = 9480
NODE_EXPORTER_PORT = 9100
PROMETHEUS_PORT = 9090
ALERTMANAGER_PORT = 9093
DASHBOARD_SOCKET = PurePosixPath("/run/podfleet-dashboard.sock")

SIDEKIQ_QUEUES = ("urgent", "high", "medium", "low", "default")
CANARY_USER = "podfleetcanary"

# What a pod needs to run (DIASPORA.md, Requirements); compilers are not among it.
PLATFORM_PACKAGES: tuple[str, ...] = (
    "acl",
    "ca-certificates",
    "certbot",
    "cron",
    "curl",
    "dbus",
    "gsfonts",
    "imagemagick",
    "iproute2",
    "libcurl4t64",
    "libidn12",
    "libjemalloc2",
    "libpq5",
    "libxml2",
    "libxslt1.1",
    "libyaml-0-2",
    "logrotate",
    "nftables",
    "nginx",
    "openssh-client",
    "postgresql",
    "python3",
    "redis-server",
    "ruby",
    "ruby-bundler",
    "systemd-timesyncd",
    "unattended-upgrades",
    "zstd",
)

# What compiling diaspora* needs, in the clean guest only.
BUILD_PACKAGES: tuple[str, ...] = (
    "build-essential",
    "ca-certificates",
    "cmake",
    "git",
    "gsfonts",
    "imagemagick",
    "libcurl4-openssl-dev",
    "libffi-dev",
    "libidn-dev",
    "libpq-dev",
    "libssl-dev",
    "libxml2-dev",
    "libxslt1-dev",
    "libyaml-dev",
    "nodejs",
    "npm",
    "ruby",
    "ruby-bundler",
    "ruby-dev",
    "zstd",
)


@dataclass(frozen=True)
class PodPlaces:
    """Where everything of one pod is on its host; derived from the pod's name."""

    name: str

    @property
    def user(self) -> str:
        """System user and group of the pod, and its PostgreSQL role."""
        return f"pod-{self.name}"

    @property
    def home(self) -> PurePosixPath:
        return PODS / self.name

    @property
    def releases(self) -> PurePosixPath:
        return self.home / "releases"

    @property
    def current(self) -> PurePosixPath:
        """Symlink to the live release; nginx's document root is below it."""
        return self.home / "current"

    @property
    def live_socket(self) -> PurePosixPath:
        """Symlink to the live release's socket: renaming it is the switch."""
        return self.home / "live.sock"

    @property
    def hold_socket(self) -> PurePosixPath:
        """Where requests wait while no release may answer them."""
        return self.home / "hold.sock"

    @property
    def hold_released(self) -> PurePosixPath:
        """What the hold waits for: once this file exists, requests go on to the live socket."""
        return self.home / "hold-released"

    @property
    def hold_unit(self) -> str:
        return f"pod-{self.name}-hold.service"

    @property
    def hold_socket_unit(self) -> str:
        return f"pod-{self.name}-hold.socket"

    @property
    def shared(self) -> PurePosixPath:
        return self.home / "shared"

    @property
    def keys(self) -> PurePosixPath:
        return self.shared / "keys"

    @property
    def uploads(self) -> PurePosixPath:
        return self.shared / "uploads"

    @property
    def log(self) -> PurePosixPath:
        return self.shared / "log"

    @property
    def assets(self) -> PurePosixPath:
        """The hashed assets of the last releases, joined."""
        return self.home / "assets"

    @property
    def exports(self) -> PurePosixPath:
        return self.home / "exports"

    @property
    def maintenance_flag(self) -> PurePosixPath:
        """While this file exists, nginx answers with the maintenance page."""
        return self.home / "maintenance"

    @property
    def state(self) -> PurePosixPath:
        """podfleet's own memory of the pod: desired, applied, operations."""
        return STATE / self.name

    @property
    def operations(self) -> PurePosixPath:
        return self.state / "operations"

    @property
    def desired(self) -> PurePosixPath:
        """What the controller staged last."""
        return self.state / "desired"

    @property
    def record(self) -> PurePosixPath:
        """What was last applied: domain, release, database, digest, managed files."""
        return self.state / "pod.json"

    @property
    def stay_down(self) -> PurePosixPath:
        """While this file exists, no unit of the pod starts."""
        return self.state / "stay-down"

    @property
    def ledger(self) -> PurePosixPath:
        """A line an upgrade or rollback: what was predicted, what it cost."""
        return self.state / "ledger.jsonl"

    @property
    def refused(self) -> PurePosixPath:
        """The releases that a red gate refused."""
        return self.state / "refused.json"

    @property
    def latch_script(self) -> PurePosixPath:
        """What sidekiq loads instead of Rails: it loads Rails, then waits for the latch."""
        return self.home / "sidekiq_latch.rb"

    @property
    def migrator_unit(self) -> str:
        """A release's Rails, booted to migrate databases within a tenth of a second."""
        return f"podfleet-migrator-{self.name}.service"

    @property
    def redis_instance(self) -> str:
        return f"pod-{self.name}"

    @property
    def redis_unit(self) -> str:
        return f"redis-server@{self.redis_instance}.service"

    @property
    def redis_socket(self) -> PurePosixPath:
        return PurePosixPath(f"/run/redis-{self.redis_instance}/redis.sock")

    @property
    def vhost(self) -> PurePosixPath:
        return PurePosixPath(f"/etc/nginx/sites-enabled/pod-{self.name}.conf")

    @property
    def operation_unit(self) -> str:
        return f"podfleet-operation@{self.name}.service"

    @property
    def target(self) -> str:
        """The systemd target that all of the pod's units belong to."""
        return f"pod-{self.name}.target"

    def release(self, release_id: str) -> PurePosixPath:
        return self.releases / release_id

    def latch(self, release_id: str) -> PurePosixPath:
        """The file a release's sidekiq waits for before it takes jobs."""
        return self.release(release_id) / ".latch-lifted"

    def way_back(self, release_id: str) -> PurePosixPath:
        """What the pod was while it ran that release: its record, its files outside of it."""
        return self.state / "releases" / release_id

    def web_socket(self, release_id: str) -> PurePosixPath:
        return self.release(release_id) / "tmp" / "web.sock"

    def web_unit(self, release_id: str = "") -> str:
        return f"pod-{self.name}-web@{release_id}.service"

    def web_socket_unit(self, release_id: str = "") -> str:
        return f"pod-{self.name}-web@{release_id}.socket"

    def sidekiq_unit(self, release_id: str = "") -> str:
        return f"pod-{self.name}-sidekiq@{release_id}.service"

    def database(self, number: int) -> str:
        """Name of the pod's nth database: n rises with each breaking upgrade."""
        return f"pod_{self.name}_{number}"


def release_id(version: str, manifest_digest: str) -> str:
    """`<version>-<8 hex of the manifest's digest>`: a rebuilt tag is another release."""
    return f"{version}-{manifest_digest[:8]}"


# What building the rehearsal pod needs: Debian's own gems (see provision/lab/rehearsal_pod),
# and no compilers.
REHEARSAL_BUILD_PACKAGES: tuple[str, ...] = (
    "ca-certificates",
    "puma",
    "rake",
    "ruby",
    "ruby-actionmailer",
    "ruby-actionpack",
    "ruby-activerecord",
    "ruby-bcrypt",
    "ruby-bundler",
    "ruby-pg",
    "ruby-rack-attack",
    "ruby-railties",
    "ruby-sidekiq",
    "ruby-toml-rb",
    "ruby-typhoeus",
    "zstd",
)
