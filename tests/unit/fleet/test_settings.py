"""diaspora*'s settings are known by name, kind and place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision.errors import Refusal
from provision.fleet.loading import load_fleet
from provision.fleet.secrets import Vault
from provision.fleet.series import Setting, load_settings, series_of
from provision.fleet.settings import set_secret
from provision.fleet.vault_password import VaultPassword


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path, VaultPassword(tmp_path / "password"))


@pytest.mark.parametrize(
    ("release", "series"),
    [
        ("0.7.18.2", "0.7"),
        ("0.9.0.0", "0.9"),
        ("0.9.1.0", "0.9"),
        ("0.10.0.0", "0.10"),
        ("1.0.0.0", "1.0"),
        ("1.3.0.0", "1.3"),
        ("2.0.0.0", "1.4"),
        ("0.6.3.0", "0.7"),
    ],
)
def test_a_release_belongs_to_a_series(release: str, series: str) -> None:
    assert series_of(release).name == series


def test_a_series_may_lose_settings_of_the_one_it_is_like() -> None:
    assert "services.twitter.enable" in load_settings("0.9.1.0")
    assert "services.twitter.enable" not in load_settings("0.10.0.0")
    assert "settings.pod_name" in load_settings("0.10.0.0")


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("text", "a", True),
        ("text", 1, False),
        ("truth", True, True),
        ("truth", 1, False),
        ("truth", "true", False),
        ("number", 1, True),
        ("number", True, False),
        ("number", 1.5, False),
        ("number or false", False, True),
        ("number or false", True, False),
        ("text or false", "Germany", True),
        ("list", ["a"], True),
        ("list", [1], False),
        ("list", "a", False),
    ],
)
def test_a_value_has_its_kind(kind: str, value: Any, fits: bool) -> None:
    assert Setting("x", kind).accepts(value) is fits


@pytest.mark.parametrize("release", ["0.9.0.0", "0.9.1.0", "0.10.0.0"])
def test_what_keeps_diaspora_from_booting_is_refused(release: str) -> None:
    """Its example says: 0 disables it; `false` has no to_i (diaspora#7456)."""
    retry = load_settings(release)["environment.sidekiq.retry"]
    assert retry.accepts(0)
    assert not retry.accepts(False)


def test_every_secret_of_diaspora_is_known_as_one() -> None:
    secret = {path for path, each in load_settings("0.9.1.0").items() if each.secret}
    named = {"password", "secret", "access_token", "message_bus_api_key"}
    assert secret == {
        path
        for path in load_settings("0.9.1.0")
        if path.rpartition(".")[2] in named or path == "privacy.camo.key"
    }


def test_a_secret_setting_goes_into_the_vault(vault: Vault) -> None:
    fleet = load_fleet("single-vps")
    path = set_secret(fleet, vault, "main", "mail.smtp.password", "correct horse")
    assert path == "pods.main.settings.mail.smtp.password"
    assert vault.pod_settings("main") == {"mail.smtp.password": "correct horse"}


@pytest.mark.parametrize(
    ("pod", "path", "value", "said"),
    [
        ("mian", "mail.smtp.password", "x", "there is no pod 'mian'"),
        ("main", "mail.smtp.pasword", "x", "Did you mean mail.smtp.password"),
        ("main", "settings.pod_name", "x", "belongs into the fleet file"),
        ("main", "mail.smtp.password", "", "is empty"),
    ],
)
def test_what_is_no_secret_setting_is_refused(
    vault: Vault, pod: str, path: str, value: str, said: str
) -> None:
    with pytest.raises(Refusal, match=said):
        set_secret(load_fleet("single-vps"), vault, pod, path, value)
    assert vault.paths() == ()
