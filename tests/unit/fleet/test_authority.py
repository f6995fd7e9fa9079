"""The fleet's own authority: what it issues, and that no other one's work is taken for its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.fleet.authority import (
    METRICS_NAME,
    certificate_of,
    is_issued_by,
    issue,
    key_of,
    new_authority,
)
from provision.fleet.loading import load_fleet
from provision.fleet.secrets import Vault
from provision.fleet.settings import set_secret
from provision.fleet.vault_password import VaultPassword


def test_openssl_takes_what_it_issues(tmp_path: Path) -> None:
    authority = new_authority()
    (tmp_path / "ca.pem").write_text(certificate_of(authority))
    (tmp_path / "host.pem").write_text(certificate_of(issue(authority, METRICS_NAME)))
    for purpose in ("sslserver", "sslclient"):
        argv = ["openssl", "verify", "-CAfile", "ca.pem", "-purpose", purpose]
        argv += ["-verify_hostname", METRICS_NAME, "host.pem"]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_halves_of_a_bundle_hold_nothing_of_one_another() -> None:
    bundle = new_authority()
    assert "PRIVATE KEY" in key_of(bundle) and "PRIVATE KEY" not in certificate_of(bundle)
    assert certificate_of(bundle) and "CERTIFICATE" not in key_of(bundle)
    assert key_of("") == certificate_of("") == ""


def test_another_authoritys_work_is_made_anew() -> None:
    one, other = new_authority(), new_authority()
    assert is_issued_by(issue(one, METRICS_NAME), one)
    assert not is_issued_by(issue(other, METRICS_NAME), one)
    assert not is_issued_by("rubbish", one)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path, VaultPassword(tmp_path / "password"))


def test_certificates_stay_until_their_authority_is_another(vault: Vault) -> None:
    fleet = load_fleet("lab")
    vault.ensure_fleet()
    vault.ensure_watching(fleet)
    kept = {path: vault.get(path) for path in vault.paths()}
    issued = {"fleet.scrape", "hosts.one.metrics", "hosts.two.metrics"}
    assert issued | {"fleet.authority"} <= set(kept)
    vault.ensure_watching(fleet)
    assert {path: vault.get(path) for path in vault.paths()} == kept
    vault.rotate("fleet.authority")
    vault.ensure_watching(fleet)
    assert all(vault.get(path) != kept[path] for path in issued)


def test_the_mail_servers_password_is_the_fleets(vault: Vault) -> None:
    fleet = load_fleet("lab")
    assert set_secret(fleet, vault, "fleet", "alert_mail_password", "x") == (
        "fleet.alert_mail_password"
    )
    with pytest.raises(Refusal, match="Name one of alert_mail_password"):
        set_secret(fleet, vault, "fleet", "mail.smtp.password", "x")
