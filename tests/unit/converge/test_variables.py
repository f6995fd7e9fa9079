"""What roles are told agrees with what their argument specs ask for, key for key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from provision.converge.ansible import ROLES_DIRECTORY
from provision.converge.files import HOST_DIRECTORIES, HOST_FILES, WATCHED_FILES, WATCHING_FILES
from provision.converge.monitoring_files import RENDERED
from provision.converge.variables import ROLES, resumed, role_variables
from provision.fleet.model import Acme, Fleet, Host
from provision.fleet.monitoring import Monitoring
from provision.render import TEMPLATES

HOST = Host.model_validate({"name": "vps", "memory": "1 GiB"})
FLEET = Fleet(
    name="one",
    file=Path("fleet.toml"),
    keeps=Path(),
    acme=Acme(contact="admin@example.org"),
    hosts={"vps": HOST},
    pods={},
    lead_pod="main",
)
VARIABLES = resumed(role_variables(FLEET, HOST, "0123456789ab"), False)


def options(role: str) -> dict[str, Any]:
    spec = yaml.safe_load((ROLES_DIRECTORY / role / "meta" / "argument_specs.yml").read_text())
    told: dict[str, Any] = spec["argument_specs"]["main"]["options"][f"{role}_config"]["options"]
    return told


@pytest.mark.parametrize("role", ROLES)
def test_role_is_told_what_it_asks_for(role: str) -> None:
    assert set(VARIABLES[f"{role}_config"]) == set(options(role))


@pytest.mark.parametrize("role", ROLES)
def test_roles_have_no_defaults(role: str) -> None:
    assert all(option["required"] for option in options(role).values())
    assert not (ROLES_DIRECTORY / role / "defaults").exists()


def test_every_role_is_run() -> None:
    found = {path.name for path in ROLES_DIRECTORY.iterdir() if path.is_dir()}
    assert found == set(ROLES)
    assert ROLES[-1] == "stamp"


def test_nothing_is_a_template_to_ansible() -> None:
    assert "{{" not in json.dumps(VARIABLES)
    assert "{%" not in json.dumps(VARIABLES)


def test_every_template_is_installed() -> None:
    found = {path for path in (TEMPLATES / "host").rglob("*") if path.is_file()}
    files = (*HOST_FILES, *WATCHED_FILES, *WATCHING_FILES, *RENDERED)
    assert found == {TEMPLATES / file.template for file in files}


def test_files_belong_to_roles() -> None:
    assert {file.role for file in (*HOST_FILES, *HOST_DIRECTORIES)} <= set(ROLES)


def told_unwanted(fleet: Fleet, host: str) -> set[str]:
    told = role_variables(fleet, fleet.hosts[host], "0123456789ab")
    return {path for role in ("nginx", "monitor") for path in told[f"{role}_config"]["unwanted"]}


def test_no_host_keeps_what_it_has_no_use_for() -> None:
    """Keys and tokens above all: when the watching moves to another host, and when it ends."""
    other = Host.model_validate({"name": "other", "memory": "1 GiB"})
    unwatched = FLEET.with_hosts({"vps": HOST, "other": other})
    watched = unwatched.model_copy(update={"monitoring": Monitoring(host="vps")})
    watching = {file.path for file in WATCHING_FILES}
    assert "/etc/podfleet/canary.json" in watching
    assert told_unwanted(watched, "vps") == set()
    assert told_unwanted(watched, "other") == watching
    for host in ("vps", "other"):
        assert told_unwanted(unwatched, host) == watching | {file.path for file in WATCHED_FILES}
