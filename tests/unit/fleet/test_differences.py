"""`plan --diff` shows no secret: neither one of the vault, nor the one before it on the host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provision.differences import _unified
from provision.fleet.authority import issue, key_of, new_authority
from provision.fleet.secrets import Vault
from provision.fleet.vault_password import VaultPassword

PASSWORD = "pods.main.settings.mail.smtp.password"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path, VaultPassword(tmp_path / "elsewhere" / "password"))


def shown(vault: Vault, has: str, shall: str) -> str:
    return "\n".join(_unified("vps:/file", has.encode(), shall.encode(), vault))


def test_a_password_that_was_changed_is_shown_neither_before_nor_after(vault: Vault) -> None:
    vault.set(PASSWORD, "the new one")
    has = '[configuration.mail.smtp]\nhost = "old.example.org"\npassword = "the old one"\n'
    shall = '[configuration.mail.smtp]\nhost = "new.example.org"\npassword = "the new one"\n'
    said = shown(vault, has, shall)
    assert "the old one" not in said and "the new one" not in said
    assert f'+password = "<{PASSWORD}>"' in said
    assert '-password = "<another secret>' in said
    # What is no secret is what a diff is for.
    assert '-host = "old.example.org"' in said and '+host = "new.example.org"' in said


def test_a_key_made_anew_shows_no_line_of_the_one_that_is_in_use(vault: Vault) -> None:
    authority = new_authority()
    old, new = (issue(authority, "metrics.podfleet.internal") for _ in range(2))
    vault.set("hosts.vps.metrics", new)
    said = shown(vault, key_of(old), key_of(new))
    for line in (*key_of(old).splitlines(), *key_of(new).splitlines()):
        assert line not in said


def test_the_tokens_of_canaries_are_masked_however_they_are_laid_out(vault: Vault) -> None:
    kept = {"client_id": "c" * 32, "client_secret": "s" * 64, "refresh_token": "r" * 64}
    vault.set("pods.main.canary", json.dumps(kept))
    old = {**kept, "refresh_token": "o" * 64}
    written = [
        json.dumps({"pods": [{"name": "main", "token": one}]}, indent=1) for one in (old, kept)
    ]
    said = shown(vault, *written) + shown(vault, "", written[1])
    assert not any(letter * 32 in said for letter in "csro")
    assert "<pods.main.canary>" in said


def test_a_password_that_only_looks_like_json_is_masked(vault: Vault) -> None:
    vault.set(PASSWORD, "{no json")
    assert "no json" not in shown(vault, "a = 1", 'a = 2\npassword = "{no json"')


def test_a_vault_that_is_empty_hides_nothing(vault: Vault) -> None:
    assert "-a = 1" in shown(vault, "a = 1", "a = 2")
