"""A pod's stage: every file that it consists of on its host, rendered from the fleet file.

The controller makes it; what is secret in it never leaves the private directory but to the host.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from provision.contract import ACME_WEBROOT, CA_BUNDLE, CANARY_USER, MONITOR_USER, PodPlaces
from provision.errors import Refusal
from provision.fleet.diaspora_toml import render_diaspora_toml
from provision.fleet.keys import secret_token_rb
from provision.fleet.maintenance_words import page_words
from provision.fleet.model import Fleet, Pod
from provision.fleet.renaming import fitting_secrets
from provision.fleet.secrets import Vault
from provision.fleet.sizes import PodSizes, pod_sizes
from provision.operations import sandbox
from provision.operations.layout import PARTNERS, PodLayout
from provision.render import Stage, read_manifest

SYSTEMD = "pod/etc/systemd/system"
# What the monitor may do in a pod's Redis: look at keys that it names or walks over, and no more.
MONITOR_MAY = (
    *("+auth", "+hello", "+select", "+ping", "+client|setname", "+client|getname", "+info"),
    *("+scan", "+type", "+exists", "+ttl", "+dbsize", "+time", "+multi", "+exec", "+discard"),
    *("+get", "+mget", "+strlen", "+llen", "+lrange", "+lindex"),
    *("+zcard", "+zcount", "+zrange", "+zrangebyscore", "+zrevrange", "+zscan", "+zscore"),
    *("+scard", "+smembers", "+sscan", "+hget", "+hmget", "+hgetall", "+hlen", "+hscan"),
)


@dataclass(frozen=True)
class StagedPod:
    """A finished stage; `manifest` is its stage.json."""

    root: Path
    manifest: dict[str, Any]

    @property
    def digest(self) -> str:
        return str(self.manifest["digest"])


def stage_pod(
    fleet: Fleet,
    pod: Pod,
    release_id: str,
    vault: Vault,
    root: Path,
    *,
    for_gate: bool = False,
) -> StagedPod:
    """Renders the pod's stage into `root`; the vault must hold the pod's secrets already.

    `for_gate` adds what the gate of federation needs, which is no part of the stage's digest.
    """
    places = PodPlaces(pod.name)
    sizes = pod_sizes(fleet.hosts[pod.host], pod, len(fleet.pods_on(pod.host)))
    stage = Stage(root)
    variables = _variables(fleet, pod, places, sizes)
    for source, target in _public_files(places).items():
        stage.add(source, target, **variables)
    if pod.nginx_include:
        stage.add(_include(fleet, pod.nginx_include), PodLayout(places).nginx_include)
    stage.add(
        diaspora_toml(pod, places, sizes, vault),
        "@release/config/diaspora.toml",
        mode="0640",
        group=places.user,
    )
    for name, content in _secrets(pod, vault).items():
        stage.add_secret(name, content)
    if for_gate:
        stage.add_aside(PARTNERS, _partners(fleet, pod, vault))
    stage.finish(pod=_pod_table(fleet, pod, release_id, sizes))
    return StagedPod(root, read_manifest(root))


def _public_files(places: PodPlaces) -> dict[str, PurePosixPath]:
    """Template -> target; all of them may be read by anybody on the host."""
    units, layout = PurePosixPath("/etc/systemd/system"), PodLayout(places)
    return {
        f"{SYSTEMD}/pod-target": units / places.target,
        f"{SYSTEMD}/pod-web.service": units / places.web_unit(),
        f"{SYSTEMD}/pod-web.socket": units / places.web_socket_unit(),
        f"{SYSTEMD}/pod-sidekiq.service": units / places.sidekiq_unit(),
        f"{SYSTEMD}/pod-hold.socket": units / places.hold_socket_unit,
        f"{SYSTEMD}/pod-hold.service": units / places.hold_unit,
        f"{SYSTEMD}/redis-drop-in.conf": units / f"{places.redis_unit}.d" / "podfleet.conf",
        "pod/etc/redis/redis-pod.conf": layout.redis_configuration,
        "pod/etc/nginx/pod.conf": places.vhost,
        "pod/etc/logrotate.d/pod": layout.logrotate,
        "pod/srv/maintenance.html": layout.maintenance_page,
        "pod/srv/sidekiq_latch.rb": places.latch_script,
    }


def _variables(fleet: Fleet, pod: Pod, places: PodPlaces, sizes: PodSizes) -> dict[str, Any]:
    layout = PodLayout(places)
    return {
        "pod": pod,
        "places": places,
        "sizes": sizes,
        "sandbox": sandbox.SANDBOX,
        "writable": sandbox.writable(places, "%i"),
        "environment": sandbox.environment(places, "%i"),
        "web_down": layout.web_down_flag,
        "redis_directory": layout.redis_directory,
        "monitor": MONITOR_USER,
        "monitor_may": MONITOR_MAY,
        "maintenance_page": layout.maintenance_page,
        "closed": page_words(pod.maintenance, pod.domain),
        "acme_webroot": ACME_WEBROOT,
        "certificate": layout.certificate(pod.domain),
        "has_include": pod.nginx_include is not None,
        "include_path": layout.nginx_include,
    }


def diaspora_toml(pod: Pod, places: PodPlaces, sizes: PodSizes, vault: Vault) -> bytes:
    """The pod's settings: the fleet file's, the vault's, and those that podfleet owns."""
    owned = {
        "environment.url": f"{pod.url}/",
        "environment.certificate_authorities": str(CA_BUNDLE),
        "environment.require_ssl": True,
        "environment.redis": f"unix://{places.redis_socket}",
        "environment.sidekiq.concurrency": sizes.sidekiq_concurrency,
        "server.rails_environment": "production",
    }
    secrets = fitting_secrets(vault.pod_settings(pod), pod.release)
    return render_diaspora_toml(pod.diaspora, owned, secrets).encode()


def _secrets(pod: Pod, vault: Vault) -> dict[str, bytes]:
    kept = {
        key: vault.need(f"pods.{pod.name}.{key}")
        for key in ("secret_key_base", "oidc_key", "admin_password", "canary_password")
    }
    return {
        "secret_token.rb": secret_token_rb(kept["secret_key_base"]).encode(),
        "oidc_key.pem": kept["oidc_key"].encode(),
        "admin_password": kept["admin_password"].encode(),
        "canary_password": kept["canary_password"].encode(),
    }


def _partners(fleet: Fleet, pod: Pod, vault: Vault) -> bytes:
    """The launched partners with their canaries' tokens, which can only post as the canary."""
    found = [
        {"name": partner.name, "domain": partner.domain, "token": json.loads(token)}
        for partner in fleet.partners_of(pod.name)
        if (token := vault.get(f"pods.{partner.name}.canary"))
    ]
    return json.dumps(found).encode()


def _include(fleet: Fleet, path: Path) -> bytes:
    try:
        return (fleet.directory / path).read_bytes()
    except OSError as error:
        raise Refusal(
            str(fleet.directory / path), f"cannot be read: {error.strerror}", "Put it there."
        ) from error


def _pod_table(fleet: Fleet, pod: Pod, release_id: str, sizes: PodSizes) -> dict[str, Any]:
    """What operations need to know of the pod beside its files."""
    return {
        "name": pod.name,
        "domain": pod.domain,
        # Not the file's: a pod that awaits its upgrade is as it was staged for the running one.
        "release": release_id.rpartition("-")[0],
        "release_id": release_id,
        "admin": pod.admin.model_dump(),
        "canary_user": CANARY_USER,
        "partners": [{"name": p.name, "domain": p.domain} for p in fleet.partners_of(pod.name)],
        "sizes": asdict(sizes),
    }
