"""What a watched fleet's hosts are told: which pods to watch, certificates, the canaries' tokens.

Where the vault does not hold one yet, it is empty: a plan only reads, and says that the platform
is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from provision.contract import (
    DASHBOARD_SOCKET,
    MONITOR_CONFIG,
    MONITOR_PORT,
    MONITOR_USER,
    NODE_EXPORTER_PORT,
    PROMETHEUS_PORT,
)
from provision.fleet.authority import METRICS_NAME, certificate_of, key_of
from provision.fleet.launched import launched_domains
from provision.fleet.model import Fleet, Host, Pod
from provision.fleet.monitoring import Monitoring
from provision.fleet.secrets import Vault

# More than these are probed in turn, and told of together.
MAX_PEERS = 10_000
ALERT_MAIL_PASSWORD = "fleet.alert_mail_password"
ALERT_WEBHOOK = "fleet.alert_webhook"


@dataclass(frozen=True)
class WatchSecrets:
    """Of one host; what only the watching host has is empty on the others. Never shown."""

    authority: str = field(default="", repr=False)
    host_certificate: str = field(default="", repr=False)
    host_key: str = field(default="", repr=False)
    scrape_certificate: str = field(default="", repr=False)
    scrape_key: str = field(default="", repr=False)
    # {"pods": [{"name", "domain", "token"}]}, as JSON.
    canaries: str = field(default="", repr=False)
    mail_password: str = field(default="", repr=False)
    webhook: str = field(default="", repr=False)

    def of_programs(self) -> dict[str, str]:
        """What Prometheus and Alertmanager are given."""
        return {
            "fleet_ca": self.authority,
            "scrape_certificate": self.scrape_certificate,
            "scrape_key": self.scrape_key,
            "mail_password": self.mail_password,
            "webhook": self.webhook,
        }


NO_SECRETS = WatchSecrets()


@dataclass(frozen=True)
class Watched:
    """What templates say of a host that is watched."""

    monitor: str
    dashboard: str
    # What the host's measurements answer to.
    name: str = METRICS_NAME
    monitor_port: int = MONITOR_PORT
    node_port: int = NODE_EXPORTER_PORT
    dashboard_socket: str = str(DASHBOARD_SOCKET)
    user: str = MONITOR_USER
    directory: str = str(MONITOR_CONFIG)
    tunnel_user: str = "root"


def watched(fleet: Fleet, host: Host) -> Watched | None:
    """None where the fleet is not watched."""
    if fleet.monitoring is None:
        return None
    return Watched(
        monitor=_json(_monitor(fleet, fleet.monitoring, host)),
        dashboard=_json(_dashboard(fleet, fleet.monitoring)),
        tunnel_user=host.ssh_user,
    )


def _monitor(fleet: Fleet, told: Monitoring, host: Host) -> dict[str, object]:
    """monitor.json: what monitoring/config.py reads."""
    is_watching = fleet.watches(host.name)
    return {
        "format": 1,
        "host": host.name,
        "listen": f"127.0.0.1:{MONITOR_PORT}",
        "contact": told.contact or fleet.acme.contact,
        # A lab's pods have private addresses only.
        "allow_private": told.allow_private or fleet.is_lab,
        "ca_file": None,
        "pods": _named(fleet.pods_on(host.name)),
        "fleet": _named(_launched(fleet)) if is_watching else [],
        "peers": list(told.peers) if is_watching else [],
        "peer_seconds": told.peer_interval,
        "own_seconds": told.own_interval,
        "canary_seconds": told.canary_interval,
        "max_peers": MAX_PEERS,
    }


def _dashboard(fleet: Fleet, told: Monitoring) -> dict[str, object]:
    """dashboard.json: what monitoring/dashboard/ reads."""
    return {
        "fleet": fleet.name,
        "prometheus": f"http://127.0.0.1:{PROMETHEUS_PORT}",
        "own_seconds": told.own_interval,
        "peer_seconds": told.peer_interval,
        "canary_seconds": told.canary_interval,
        "runbooks": told.runbooks,
    }


def _launched(fleet: Fleet) -> list[Pod]:
    """The pods that can be down: one that is only declared would page somebody."""
    launched = launched_domains(fleet.keeps)
    return [pod for pod in fleet.pods.values() if pod.name in launched]


def _named(pods: Iterable[Pod]) -> list[dict[str, str]]:
    return [{"name": pod.name, "domain": pod.domain} for pod in pods]


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True)


def watch_secrets(fleet: Fleet, host: Host, vault: Vault) -> WatchSecrets:
    """What the vault holds for that host."""
    if fleet.monitoring is None:
        return NO_SECRETS
    own = vault.get(f"hosts.{host.name}.metrics") or ""
    public = WatchSecrets(
        authority=certificate_of(vault.get("fleet.authority") or ""),
        host_certificate=certificate_of(own),
        host_key=key_of(own),
    )
    return _watching(fleet, vault, public) if fleet.watches(host.name) else public


def _watching(fleet: Fleet, vault: Vault, public: WatchSecrets) -> WatchSecrets:
    scrape = vault.get("fleet.scrape") or ""
    return replace(
        public,
        scrape_certificate=certificate_of(scrape),
        scrape_key=key_of(scrape),
        canaries=_canaries(fleet, vault),
        mail_password=vault.get(ALERT_MAIL_PASSWORD) or "",
        webhook=vault.get(ALERT_WEBHOOK) or "",
    )


def _canaries(fleet: Fleet, vault: Vault) -> str:
    """The launched pods' tokens, which can only post as the canary."""
    pods = [
        {"name": pod.name, "domain": pod.domain, "token": json.loads(token)}
        for pod in fleet.pods.values()
        if (token := vault.get(f"pods.{pod.name}.canary"))
    ]
    return json.dumps({"pods": pods}, indent=1, sort_keys=True) + "\n"
