"""What each role and each template of the platform is told: derived from fleet file and contract.

A role takes one dictionary, `<role>_config`. No text of the fleet file goes into it: Ansible would
look for templates there. Such text goes into rendered files only, through their filters.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from pathlib import PurePosixPath
from typing import Any

from provision.contract import (
    ACME_WEBROOT,
    HOST_LOCK,
    MONITOR_STATE,
    MONITOR_USER,
    PLATFORM_PACKAGES,
    PLATFORM_RECORD,
    POD_UIDS,
    RELOAD_LOCK,
    RUNTIMES,
    STATE,
)
from provision.converge.files import HOST_DIRECTORIES, HostFile, entries, files_for, unwanted_files
from provision.converge.lock_holder import UNFINISHED
from provision.converge.monitoring_files import (
    drop_ins,
    monitoring_packages,
    monitoring_units,
    monitoring_variables,
)
from provision.converge.networks import PRIVATE4, PRIVATE6
from provision.fleet.model import Fleet, Host
from provision.fleet.sizes import sizes
from provision.watched import WatchSecrets, watched

# In this order: each role finds what those before it have made, and the stamp is the last.
ROLES = (
    "base",
    "ssh",
    "firewall",
    "postgresql",
    "redis",
    "nginx",
    "certificates",
    "ruby",
    "runtime",
    "node_exporter",
    "monitor",
    "prometheus",
    "alertmanager",
    "stamp",
)
SHIPPED = STATE / "stage-host"
POSTGRESQL_UNIT = "postgresql@17-main.service"
# What must be running on every host, and come up by itself.
PLATFORM_UNITS = [
    {"unit": unit, "enabled": True, "active": True}
    for unit in (
        "nftables.service",
        POSTGRESQL_UNIT,
        "nginx.service",
        "certbot.timer",
        "apt-daily.timer",
        "apt-daily-upgrade.timer",
        "logrotate.timer",
    )
] + [{"unit": "podfleet-recovery.service", "enabled": True, "active": False}]

MONITOR_UNIT = "podfleet-monitor.service"
DASHBOARD_UNIT = "podfleet-dashboard.socket"

_FILES = str(SHIPPED / "files")
_LISTS = ("directories", "files", "units", "apt", "journald", "tmpfiles", "metrics", "dashboard")
# Lists that are empty where nothing is watched.
_WATCHED_LISTS = {"nginx": ("metrics",), "monitor": ("files", "units", "dashboard")}


def role_variables(fleet: Fleet, host: Host, runtime_version: str) -> dict[str, dict[str, Any]]:
    """`<role>_config` for every role."""
    pods = len(fleet.pods_on(host.name))
    told: dict[str, dict[str, Any]] = {
        "base": {
            "packages": [*PLATFORM_PACKAGES, *monitoring_packages(fleet, host)],
            "ahead": drop_ins(fleet, host),
            "monitor": {"user": MONITOR_USER, "home": str(MONITOR_STATE)},
            "swap_mb": sizes(host, pods).swap_mb,
            "mark": str(STATE / UNFINISHED),
        },
        "firewall": {"table": "podfleet"},
        "postgresql": {"unit": POSTGRESQL_UNIT},
        "nginx": {
            "reload_lock": str(RELOAD_LOCK),
            "unwanted": unwanted_files(fleet, host, "nginx"),
        },
        "monitor": {
            "is_wanted": fleet.monitoring is not None,
            "unit": MONITOR_UNIT,
            "dashboard_unit": DASHBOARD_UNIT,
            "unwanted": unwanted_files(fleet, host, "monitor"),
        },
        "runtime": {
            "version": runtime_version,
            "archive": str(runtime_archive(runtime_version)),
            "directory": str(RUNTIMES),
        },
    }
    told |= monitoring_variables(fleet, host)
    files = (*HOST_DIRECTORIES, *files_for(fleet, host))
    configs = {
        role: {"stage": _FILES, **_lists(files, role), **told.get(role, {})} for role in ROLES[:-1]
    }
    stamp = {"manifest": str(SHIPPED / "stage.json"), "record": str(PLATFORM_RECORD)}
    return {f"{role}_config": config for role, config in {**configs, "stamp": stamp}.items()}


def _lists(files: Iterable[HostFile], role: str) -> dict[str, list[dict[str, str]]]:
    always = _WATCHED_LISTS.get(role, ())
    found = {kind: entries(files, role, kind) for kind in _LISTS}
    return {kind: listed for kind, listed in found.items() if listed or kind in always}


def platform_units(fleet: Fleet, host: Host) -> list[dict[str, Any]]:
    """What must be running on that host, and come up by itself."""
    own = [MONITOR_UNIT] if fleet.monitoring else []
    own += [DASHBOARD_UNIT] if fleet.watches(host.name) else []
    watching = [{"unit": unit, "enabled": True, "active": True} for unit in own]
    return [*PLATFORM_UNITS, *watching, *monitoring_units(fleet, host)]


def resumed(variables: dict[str, dict[str, Any]], is_resumed: bool) -> dict[str, dict[str, Any]]:
    """The roles' variables, with word whether the last run ended early."""
    deaf = ("ruby_config", "stamp_config")
    return {
        name: config if name in deaf else {**config, "is_resumed": is_resumed}
        for name, config in variables.items()
    }


def runtime_archive(version: str) -> PurePosixPath:
    """Where the runtime's archive waits until the role has unpacked it."""
    return STATE / f"runtime-{version}.tar.gz"


def template_variables(
    fleet: Fleet, host: Host, signers: str, runtime_version: str, secrets: WatchSecrets
) -> dict[str, Any]:
    """What the templates below templates/host/ may name."""
    networks = host.reachable_networks
    return {
        "host_lock": HOST_LOCK,
        "reload_lock": RELOAD_LOCK,
        "acme_webroot": ACME_WEBROOT,
        "acme_directory": fleet.acme.directory,
        "acme_contact": fleet.acme.contact,
        "sizes": sizes(host, len(fleet.pods_on(host.name))),
        "open_ports": [host.ssh_port, 80, 443],
        "pod_uids": POD_UIDS,
        "private4": PRIVATE4,
        "private6": PRIVATE6,
        "reachable4": [one for one in networks if isinstance(one, IPv4Network)],
        "reachable6": [one for one in networks if isinstance(one, IPv6Network)],
        "signers": signers,
        "runtime": RUNTIMES / runtime_version,
        "secrets": secrets,
        "watched": watched(fleet, host),
    }
