"""An adopted pod is the same pod: name, keys and settings; nothing of a living one is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.fleet import keys
from provision.fleet.identity import OldPod, take_over
from provision.fleet.launched import record_launched
from provision.fleet.loading import load_fleet
from provision.fleet.model import Fleet
from provision.fleet.secrets import Vault
from provision.fleet.vault_password import VaultPassword

FLEET = """\
[hosts.vps]
address = "203.0.113.10"
memory = "2 GiB"
[pods.main]
domain = "pod.example.org"
host = "vps"
release = "0.9.1.0"
admin = { username = "alice", email = "alice@example.org" }
[pods.main.diaspora.settings]
pod_name = "New"
"""
YML = """\
configuration:
  environment: {url: "https://pod.example.org/"}
  settings: {pod_name: "Old", liberapay_username: "old"}
  mail: {smtp: {password: "hunter2"}}
"""
OLD_BASE = "f" * 80


@pytest.fixture(scope="module")
def oidc_key() -> str:
    return keys.oidc_key()


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    (tmp_path / "fleet.toml").write_text(FLEET)
    return load_fleet(str(tmp_path))


@pytest.fixture
def vault(fleet: Fleet, tmp_path: Path) -> Vault:
    return Vault(fleet.keeps, VaultPassword(tmp_path / "password"))


@pytest.fixture
def old(tmp_path: Path, oidc_key: str) -> OldPod:
    files = {
        "diaspora.yml": YML,
        # As diaspora* 0.7 wrote it.
        "secret_token.rb": f"Diaspora::Application.config.secret_key_base = '{OLD_BASE}'\n",
        "oidc_key.pem": oidc_key,
    }
    (tmp_path / "old").mkdir()
    for name, text in files.items():
        (tmp_path / "old" / name).write_text(text)
    return OldPod(*(tmp_path / "old" / name for name in files))


def test_the_pod_is_the_old_one(fleet: Fleet, vault: Vault, old: OldPod, oidc_key: str) -> None:
    vault.set("pods.main.secret_key_base", "left by a launch that failed")
    adopted = take_over(fleet, fleet.pods["main"], old, vault)
    assert vault.get("pods.main.secret_key_base") == OLD_BASE
    assert vault.get("pods.main.oidc_key") == oidc_key
    assert vault.pod_settings("main") == {"mail.smtp.password": "hunter2"}
    settings = load_fleet(str(fleet.file)).pods["main"].diaspora["settings"]
    assert settings == {"pod_name": "New", "liberapay_username": "old"}
    assert "hunter2" not in fleet.file.read_text()
    assert set(adopted.left) == {"environment.url"}


def test_again_is_the_same(fleet: Fleet, vault: Vault, old: OldPod) -> None:
    take_over(fleet, fleet.pods["main"], old, vault)
    record_launched(fleet, fleet.pods["main"])
    before = fleet.file.read_text()
    take_over(fleet, fleet.pods["main"], old, vault)
    assert fleet.file.read_text() == before


def test_a_living_pods_keys_stay(fleet: Fleet, vault: Vault, old: OldPod) -> None:
    vault.set("pods.main.secret_key_base", "its own")
    record_launched(fleet, fleet.pods["main"])
    with pytest.raises(Refusal, match=r"is launched, and its pods\.main\.secret_key_base"):
        take_over(fleet, fleet.pods["main"], old, vault)
    assert vault.paths() == ("pods.main.secret_key_base",)
    assert fleet.file.read_text() == FLEET


def test_another_domain_is_refused(fleet: Fleet, vault: Vault, old: OldPod) -> None:
    assert old.configuration
    old.configuration.write_text(YML.replace("pod.example.org", "other.example.org"))
    with pytest.raises(Refusal, match=r'Write domain = "other\.example\.org"'):
        take_over(fleet, fleet.pods["main"], old, vault)
    assert vault.paths() == () and fleet.file.read_text() == FLEET


@pytest.mark.parametrize("name", ["secret_token", "oidc_key"])
@pytest.mark.parametrize("text", ["", "nonsense hunter2", "-----BEGIN RSA PRIVATE KEY-----\nAAAA"])
def test_what_is_no_key_is_refused(
    fleet: Fleet, vault: Vault, old: OldPod, name: str, text: str
) -> None:
    getattr(old, name).write_text(text)
    with pytest.raises(Refusal, match="Give the pod's own") as caught:
        take_over(fleet, fleet.pods["main"], old, vault)
    assert "hunter2" not in str(caught.value)
    assert vault.paths() == () and fleet.file.read_text() == FLEET


def test_a_missing_file_is_refused(fleet: Fleet, vault: Vault, old: OldPod) -> None:
    assert old.oidc_key
    old.oidc_key.unlink()
    with pytest.raises(Refusal, match="cannot be read"):
        take_over(fleet, fleet.pods["main"], old, vault)
