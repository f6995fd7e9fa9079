"""What a host gets, file for file; and text of the fleet file that is meant to break out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provision.converge.stage import HostStage, stage_host
from provision.errors import Refusal
from provision.fleet.launched import record_launched
from provision.fleet.model import Acme, Fleet, Host, Pod
from provision.fleet.monitoring import Monitoring
from provision.releases.runtime import Runtime
from provision.watched import NO_SECRETS, WatchSecrets
from tests.golden.trees import assert_golden

RUNTIME = Runtime("0123456789ab", Path("runtime.tar.gz"), "0" * 64)
SIGNERS = 'podfleet namespaces="podfleet-release" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample\n'
HOST = Host.model_validate(
    {
        "name": "vps",
        "memory": "2 GiB",
        "ssh_port": 2222,
        "address": "203.0.113.7",
        "reachable_networks": ["10.1.0.0/16", "fd00:1::/64"],
    }
)


MONITORING = Monitoring.model_validate({"host": "vps", "webhook": "https://example.org/hook"})
SECRETS = WatchSecrets(
    authority="AUTHORITY\n",
    host_certificate="HOST CERTIFICATE\n",
    host_key="HOST KEY\n",
    scrape_certificate="SCRAPE CERTIFICATE\n",
    scrape_key="SCRAPE KEY\n",
    canaries='{"pods": []}\n',
)
POD = Pod.model_validate(
    {
        "name": "main",
        "domain": "pod.example.org",
        "host": "vps",
        "release": "0.9.1.0",
        "admin": {"username": "alice", "email": "alice@example.org"},
    }
)


def staged(
    root: Path,
    contact: str = "admin@example.org",
    host: Host = HOST,
    monitoring: Monitoring | None = None,
    is_launched: bool = True,
) -> HostStage:
    fleet = Fleet(
        name="golden",
        file=root / "fleet.toml",
        keeps=root,
        acme=Acme.model_construct(
            directory="https://acme-v02.api.letsencrypt.org/directory", contact=contact
        ),
        hosts={host.name: host},
        pods={"main": POD} if monitoring else {},
        monitoring=monitoring,
        lead_pod="main",
    )
    if is_launched:
        root.mkdir(parents=True, exist_ok=True)
        record_launched(fleet, POD)
    secrets = SECRETS if monitoring else NO_SECRETS
    return stage_host(fleet, host, RUNTIME, SIGNERS, root / "stage", secrets)


def test_host_stage(tmp_path: Path) -> None:
    assert_golden(staged(tmp_path).root / "files", "host")


def test_stage_of_a_host_that_watches_itself(tmp_path: Path) -> None:
    """What it has beside an unwatched host's files, or instead of them; of Prometheus and the like
    tests/golden/monitoring tells."""
    plain = staged(tmp_path / "plain").root / "files"
    root = staged(tmp_path / "watched", monitoring=MONITORING).root / "files"
    for path in [path for path in root.rglob("*") if path.is_file()]:
        relative = path.relative_to(root)
        twin = plain / relative
        is_same = twin.exists() and twin.read_bytes() == path.read_bytes()
        if is_same or "prometheus" in relative.as_posix():
            path.unlink()
    assert_golden(root, "watching")


def test_a_pod_that_is_only_declared_cannot_be_down(tmp_path: Path) -> None:
    """Else the first run of a fleet would page somebody before its pods are there."""
    path = "files/etc/podfleet/monitor.json"
    launched = staged(tmp_path / "a", monitoring=MONITORING).root / path
    assert [pod["name"] for pod in json.loads(launched.read_bytes())["fleet"]] == ["main"]
    declared = staged(tmp_path / "b", monitoring=MONITORING, is_launched=False).root / path
    assert json.loads(declared.read_bytes())["fleet"] == []


def test_only_root_and_the_monitor_read_what_is_secret(tmp_path: Path) -> None:
    files = staged(tmp_path, monitoring=MONITORING).manifest["files"]
    modes = {each["path"]: (each["mode"], each["group"]) for each in files}
    assert modes["/etc/podfleet/metrics/host.key"] == ("0600", "root")
    assert modes["/etc/podfleet/canary.json"] == ("0640", "podfleet-monitor")


def test_same_fleet_same_digest(tmp_path: Path) -> None:
    assert staged(tmp_path / "a").digest == staged(tmp_path / "b").digest


def test_digest_follows_what_only_a_role_is_told(tmp_path: Path) -> None:
    """A host of 8 GiB wants no swap file: no rendered file says so, its role's variables do."""
    larger = HOST.model_copy(update={"memory": 8 << 30})
    assert staged(tmp_path / "a").variables["base_config"]["swap_mb"] > 0
    assert staged(tmp_path / "b", host=larger).variables["base_config"]["swap_mb"] == 0
    assert staged(tmp_path / "c").digest != staged(tmp_path / "d", host=larger).digest


def test_text_of_the_fleet_file_stays_on_its_line(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot stand in a line"):
        staged(tmp_path, contact="a@example.org\ndeploy-hook = reboot")
