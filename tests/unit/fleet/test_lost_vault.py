"""A pod that was launched keeps its keys, or nothing is done: new ones are never made for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.fleet.launched import FILE_NAME
from provision.fleet.secrets import Vault
from provision.fleet.vault_password import VaultPassword

LAUNCHED = '[main]\ndomain = "pod.example.org"\nlaunched = 2026-01-02T03:04:05Z\n'


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """Of a fleet whose pod `main` was launched."""
    vault = Vault(tmp_path / "fleet", VaultPassword(tmp_path / "password"))
    vault.ensure_fleet()
    vault.ensure_pod("main")
    (vault.path.parent / FILE_NAME).write_text(LAUNCHED)
    return vault


def test_the_keys_of_a_launched_pod_are_kept(vault: Vault) -> None:
    before = vault.need("pods.main.oidc_key")
    vault.ensure_pod("main")
    assert vault.need("pods.main.oidc_key") == before


def test_a_lost_vault_is_neither_read_as_empty_nor_made_anew(vault: Vault) -> None:
    vault.path.unlink()
    for use in (vault.paths, vault.ensure_fleet, lambda: vault.ensure_pod("other")):
        with pytest.raises(Refusal, match=r"secrets.vault: is gone.*main\. Put it back from Git"):
            use()
    assert not vault.path.exists()


@pytest.mark.parametrize("key", ["oidc_key", "secret_key_base"])
def test_a_lost_key_is_not_made_anew(vault: Vault, key: str) -> None:
    vault.remove(f"pods.main.{key}")
    with pytest.raises(Refusal, match=f"holds no {key} of pod main.*never makes new keys"):
        vault.ensure_pod("main")
    assert vault.get(f"pods.main.{key}") is None


def test_what_is_no_key_is_made_where_it_is_missing(vault: Vault) -> None:
    vault.remove("pods.main.canary_password")
    vault.ensure_pod("main")
    assert vault.get("pods.main.canary_password")


def test_a_fleet_without_launched_pods_gets_its_vault(vault: Vault) -> None:
    vault.path.unlink()
    (vault.path.parent / FILE_NAME).unlink()
    vault.ensure_pod("main")
    assert vault.get("pods.main.oidc_key")
