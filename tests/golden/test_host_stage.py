"""What a host gets, file for file; and text of the fleet file that is meant to break out."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.converge.stage import HostStage, stage_host
from provision.errors import Refusal
from provision.fleet.model import Acme, Fleet, Host
from provision.releases.runtime import Runtime
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


def staged(root: Path, contact: str = "admin@example.org", host: Host = HOST) -> HostStage:
    fleet = Fleet(
        name="golden",
        file=root / "fleet.toml",
        keeps=root,
        acme=Acme.model_construct(
            directory="https://acme-v02.api.letsencrypt.org/directory", contact=contact
        ),
        hosts={host.name: host},
        pods={},
        lead_pod="main",
    )
    return stage_host(fleet, host, RUNTIME, SIGNERS, root / "stage")


def test_host_stage(tmp_path: Path) -> None:
    assert_golden(staged(tmp_path).root / "files", "host")


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
