"""What watches the fleet on a host: which files, packages and units, and what the roles are told.

node_exporter is on every host of a watched fleet, Prometheus and Alertmanager on the one that
watches. What is secret is in files of its own, which only root and these programs may read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitoring.rules import Intervals, rules_text
from provision.contract import ALERTMANAGER_PORT, NODE_EXPORTER_PORT, PROMETHEUS_PORT
from provision.converge.alerting import alerting_variables
from provision.converge.files import HostFile
from provision.converge.monitoring_sizes import monitoring_sizes
from provision.converge.targets import store, targets
from provision.fleet.authority import METRICS_NAME
from provision.fleet.model import Fleet, Host
from provision.fleet.monitoring import Monitoring

# Role, its Debian package, and the package's unit.
PROGRAMS = {
    "prometheus": ("prometheus", "prometheus.service"),
    "alertmanager": ("prometheus-alertmanager", "prometheus-alertmanager.service"),
    "node_exporter": ("prometheus-node-exporter", "prometheus-node-exporter.service"),
}
MONITORING_ROLES = tuple(PROGRAMS)
_ON_EVERY_HOST = ("node_exporter",)
_PROMETHEUS = "/etc/prometheus/podfleet"
_ALERTMANAGER = "/etc/prometheus/podfleet-alertmanager"
_OURS = ("root", "prometheus")

# A scrape tells what the host's monitor knows: 15 series a peer, of up to 10,000 peers.
_SAMPLE_LIMITS = {"monitor": 250_000, "node": 10_000}
_COLLECTORS = (
    *("conntrack", "cpu", "diskstats", "filefd", "filesystem", "loadavg", "meminfo", "netdev"),
    *("os", "pressure", "sockstat", "stat", "time", "timex", "uname", "vmstat"),
)
_FILE_SYSTEMS = "^(bcachefs|btrfs|ext[234]|f2fs|overlay|xfs|zfs)$"
_NOT_DISKS = "^/(dev|proc|run|sys|var/lib/(containers|docker|machines))($|/)"
_NOT_NETWORKS = "^(br-|docker|lo$|veth|virbr)"


def _unit(role: str) -> HostFile:
    return HostFile(role, "units", f"/etc/systemd/system/{PROGRAMS[role][1]}.d/podfleet.conf")


# With these a program keeps to loopback: they are there before its package is, which starts it.
DROP_INS = tuple(map(_unit, PROGRAMS))
RENDERED = (
    *DROP_INS,
    HostFile("prometheus", "files", f"{_PROMETHEUS}/prometheus.yml", "0640", *_OURS),
    HostFile("alertmanager", "files", f"{_ALERTMANAGER}/alertmanager.yml", "0640", *_OURS),
)
DIRECTORIES = (
    *(HostFile(one.role, "directories", one.path.rpartition("/")[0], "0755") for one in DROP_INS),
    HostFile("prometheus", "directories", _PROMETHEUS, "0750", *_OURS),
    HostFile("alertmanager", "directories", _ALERTMANAGER, "0750", *_OURS),
)
# What is a text already: the rules, and by its name in the vault each secret.
RULES = HostFile("prometheus", "files", f"{_PROMETHEUS}/rules.yml", "0640", *_OURS)
CERTIFICATES = {
    "fleet_ca": HostFile("prometheus", "files", f"{_PROMETHEUS}/ca.pem", "0640", *_OURS),
    "scrape_certificate": HostFile(
        "prometheus", "files", f"{_PROMETHEUS}/scrape.pem", "0640", *_OURS
    ),
    "scrape_key": HostFile("prometheus", "files", f"{_PROMETHEUS}/scrape.key", "0640", *_OURS),
}
PASSWORD = HostFile("alertmanager", "files", f"{_ALERTMANAGER}/mail-password", "0640", *_OURS)


def wanted_programs(fleet: Fleet, host: Host) -> tuple[str, ...]:
    """The roles whose program this host has."""
    if fleet.monitoring is None:
        return ()
    return MONITORING_ROLES if fleet.monitoring.host == host.name else _ON_EVERY_HOST


def monitoring_packages(fleet: Fleet, host: Host) -> list[str]:
    """Debian packages that the host has besides the platform's."""
    return [PROGRAMS[role][0] for role in wanted_programs(fleet, host)]


def monitoring_units(fleet: Fleet, host: Host) -> list[dict[str, Any]]:
    """What must be running on the host for it, and come up by itself."""
    units = (PROGRAMS[role][1] for role in wanted_programs(fleet, host))
    return [{"unit": unit, "enabled": True, "active": True} for unit in units]


def drop_ins(fleet: Fleet, host: Host) -> list[dict[str, str]]:
    """What must be on the host before the packages are: else they listen on every address."""
    wanted = wanted_programs(fleet, host)
    return [one.entry() for one in DROP_INS if one.role in wanted]


def monitoring_files(
    fleet: Fleet, host: Host, secrets: Mapping[str, str]
) -> list[tuple[HostFile, str | bytes, dict[str, Any]]]:
    """Each file with its template's name and variables, or with its content.

    `secrets` has fleet_ca, scrape_certificate, scrape_key, mail_password and webhook; one that is
    not made yet is empty.
    """
    if fleet.monitoring is None:
        return []
    wanted = wanted_programs(fleet, host)
    told = _template_variables(fleet, host, fleet.monitoring, secrets)
    found: list[tuple[HostFile, str | bytes, dict[str, Any]]] = [
        (file, file.template, told) for file in RENDERED if file.role in wanted
    ]
    contents = _contents(fleet.monitoring, secrets)
    return found + [(file, text, {}) for file, text in contents if file.role in wanted]


def _contents(
    monitoring: Monitoring, secrets: Mapping[str, str]
) -> Iterator[tuple[HostFile, bytes]]:
    yield RULES, _rules(monitoring).encode()
    for name, file in CERTIFICATES.items():
        yield file, secrets[name].encode()
    if _has_password(monitoring):
        yield PASSWORD, secrets["mail_password"].encode()


def _rules(monitoring: Monitoring) -> str:
    intervals = Intervals(
        own=monitoring.own_interval,
        peer=monitoring.peer_interval,
        canary=monitoring.canary_interval,
    )
    return rules_text(monitoring.runbooks, intervals)


def _has_password(monitoring: Monitoring | None) -> bool:
    return bool(monitoring and monitoring.mail and monitoring.mail.username)


def monitoring_variables(fleet: Fleet, host: Host) -> dict[str, dict[str, Any]]:
    """`<role>_config` of each role, without the stage."""
    wanted = wanted_programs(fleet, host)
    return {role: _role_variables(fleet, role, role in wanted) for role in MONITORING_ROLES}


def _role_variables(fleet: Fleet, role: str, is_wanted: bool) -> dict[str, Any]:
    passwords = [PASSWORD] if _has_password(fleet.monitoring) else []
    mine = [
        one for one in (*RENDERED, RULES, *CERTIFICATES.values(), *passwords) if one.role == role
    ]
    kinds = {"directories": [one for one in DIRECTORIES if one.role == role]}
    for one in mine:
        kinds.setdefault(one.kind, []).append(one)
    lists: dict[str, Any] = {
        kind: [one.entry() for one in ones] if is_wanted else [] for kind, ones in kinds.items()
    }
    if role == PASSWORD.role:
        lists["unwanted"] = [PASSWORD.path] if is_wanted and not passwords else []
    return {"is_wanted": is_wanted, **lists}


def _template_variables(
    fleet: Fleet, host: Host, monitoring: Monitoring, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """What the templates of monitoring may name."""
    return {
        "fleet_name": fleet.name,
        "watching_host": monitoring.host,
        "targets": targets(fleet, monitoring.host),
        "metrics_name": METRICS_NAME,
        "sample_limits": _SAMPLE_LIMITS,
        "remote_write": [store(url) for url in monitoring.remote_write],
        "retention_days": monitoring.retention_days,
        "sizes": monitoring_sizes(host, len(fleet.pods_on(host.name))),
        "prometheus_port": PROMETHEUS_PORT,
        "alertmanager_port": ALERTMANAGER_PORT,
        "node_exporter_port": NODE_EXPORTER_PORT,
        "collectors": _COLLECTORS,
        "file_systems": _FILE_SYSTEMS,
        "not_disks": _NOT_DISKS,
        "not_networks": _NOT_NETWORKS,
        **alerting_variables(fleet, monitoring, secrets),
    }
