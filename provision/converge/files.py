"""Which files of templates/host/ each role installs, with their modes and owners.

A template's path below templates/host/ is the file's path on the host.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provision.contract import (
    ACME_WEBROOT,
    ARTIFACTS,
    FACTS,
    MONITOR_CONFIG,
    MONITOR_USER,
    PODS,
    RUNTIMES,
    STATE,
    TRUSTED_SIGNERS,
)
from provision.fleet.model import Fleet, Host


@dataclass(frozen=True)
class HostFile:
    """A file of the platform; `kind` is the list of its role that it belongs to."""

    role: str
    kind: str
    path: str
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"

    @property
    def template(self) -> str:
        return f"host{self.path}"

    def entry(self) -> dict[str, str]:
        """As a role's tasks read it."""
        return {"path": self.path, "mode": self.mode, "owner": self.owner, "group": self.group}


_UNITS = "/etc/systemd/system"

_POSTGRESQL = "/etc/postgresql/17/main"

HOST_FILES = (
    HostFile("base", "apt", "/etc/apt/apt.conf.d/60podfleet"),
    HostFile("base", "units", f"{_UNITS}/apt-daily.service.d/podfleet.conf"),
    HostFile("base", "units", f"{_UNITS}/apt-daily-upgrade.service.d/podfleet.conf"),
    HostFile("base", "units", f"{_UNITS}/swapfile.swap"),
    HostFile("base", "journald", "/etc/systemd/journald.conf.d/podfleet.conf"),
    HostFile("base", "tmpfiles", "/etc/tmpfiles.d/podfleet.conf"),
    HostFile("ssh", "files", "/etc/ssh/sshd_config.d/00-podfleet.conf"),
    HostFile("firewall", "files", "/etc/nftables.conf"),
    HostFile("postgresql", "files", f"{_POSTGRESQL}/conf.d/podfleet.conf"),
    HostFile("postgresql", "files", f"{_POSTGRESQL}/pg_hba.conf", "0640", "postgres", "postgres"),
    HostFile("redis", "files", "/etc/sysctl.d/60-podfleet-redis.conf"),
    HostFile("nginx", "files", "/etc/nginx/nginx.conf"),
    HostFile("nginx", "files", "/etc/nginx/sites-enabled/00-podfleet-default.conf"),
    HostFile("nginx", "files", "/etc/logrotate.d/nginx"),
    HostFile("nginx", "files", "/etc/nginx/sites-enabled/10-podfleet-metrics.conf"),
    HostFile("certificates", "files", "/etc/letsencrypt/cli.ini"),
    HostFile(
        "certificates", "files", "/etc/letsencrypt/renewal-hooks/deploy/podfleet-nginx", "0755"
    ),
    HostFile("certificates", "units", f"{_UNITS}/certbot.service.d/podfleet.conf"),
    HostFile("ruby", "files", "/etc/ImageMagick-7/policy.xml"),
    HostFile("runtime", "files", str(TRUSTED_SIGNERS)),
    HostFile("runtime", "units", f"{_UNITS}/podfleet-operation@.service"),
    HostFile("runtime", "units", f"{_UNITS}/podfleet-recovery.service"),
)

_METRICS = f"{MONITOR_CONFIG}/metrics"

# On every host of a fleet that is watched.
WATCHED_FILES = (
    HostFile("nginx", "metrics", f"{_METRICS}/authority.pem"),
    HostFile("nginx", "metrics", f"{_METRICS}/host.pem"),
    HostFile("nginx", "metrics", f"{_METRICS}/host.key", "0600"),
    HostFile("monitor", "files", f"{MONITOR_CONFIG}/monitor.json", "0640", group=MONITOR_USER),
    HostFile("monitor", "units", f"{_UNITS}/podfleet-monitor.service"),
)
# On the one that watches.
WATCHING_FILES = (
    HostFile("monitor", "files", f"{MONITOR_CONFIG}/canary.json", "0640", group=MONITOR_USER),
    HostFile("monitor", "dashboard", f"{MONITOR_CONFIG}/dashboard.json"),
    HostFile("monitor", "dashboard", f"{_UNITS}/podfleet-dashboard.socket"),
    HostFile("monitor", "dashboard", f"{_UNITS}/podfleet-dashboard.service"),
)

# Directories that no package makes: a role makes them before it copies.
HOST_DIRECTORIES = (
    HostFile("base", "directories", f"{_UNITS}/apt-daily.service.d", "0755"),
    HostFile("base", "directories", f"{_UNITS}/apt-daily-upgrade.service.d", "0755"),
    HostFile("base", "directories", "/etc/systemd/journald.conf.d", "0755"),
    HostFile("nginx", "directories", str(ACME_WEBROOT), "0755"),
    HostFile("nginx", "directories", str(MONITOR_CONFIG), "0755"),
    HostFile("nginx", "directories", _METRICS, "0755"),
    HostFile("certificates", "directories", f"{_UNITS}/certbot.service.d", "0755"),
    HostFile("certificates", "directories", "/etc/letsencrypt/renewal-hooks/deploy", "0755"),
    HostFile("runtime", "directories", str(STATE), "0700"),
    HostFile("runtime", "directories", str(ARTIFACTS), "0700"),
    HostFile("runtime", "directories", str(FACTS), "0755"),
    HostFile("runtime", "directories", str(PODS), "0755"),
    HostFile("runtime", "directories", str(RUNTIMES), "0755"),
)


def files_for(fleet: Fleet, host: Host) -> tuple[HostFile, ...]:
    """Every file of that host's platform."""
    watched = WATCHED_FILES if fleet.monitoring else ()
    return (*HOST_FILES, *watched, *(WATCHING_FILES if fleet.watches(host.name) else ()))


def unwanted_files(fleet: Fleet, host: Host, role: str) -> list[str]:
    """What the role installs where the fleet file says something else: keys and tokens among it
    do not stay on a host that has no use for them."""
    wanted = files_for(fleet, host)
    every = (*WATCHED_FILES, *WATCHING_FILES)
    return [one.path for one in every if one.role == role and one not in wanted]


def entries(files: Iterable[HostFile], role: str, kind: str) -> list[dict[str, str]]:
    """One of a role's lists of files or directories."""
    return [one.entry() for one in files if (one.role, one.kind) == (role, kind)]
