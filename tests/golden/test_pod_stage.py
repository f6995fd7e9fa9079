"""What a pod gets, file for file; and text of the fleet file that is meant to break out."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from provision.errors import Refusal
from provision.fleet.model import Acme, Fleet, Host, Pod
from provision.fleet.secrets import Vault
from provision.fleet.vault_password import VaultPassword
from provision.staging import StagedPod, stage_pod
from tests.golden.trees import assert_golden

RELEASE = "0.9.1.0-0123abcd"
SECRETS = {
    "secret_key_base": "0123456789abcdef" * 5,
    "oidc_key": "-----BEGIN RSA PRIVATE KEY-----\nexample\n-----END RSA PRIVATE KEY-----\n",
    "admin_password": "an-administrators-password",
    "canary_password": "a-canarys-password",
    "settings.mail.smtp.password": 'a "quoted" $(secret) {{ of }} Zoë\'s\nin two lines',
}
SETTINGS: dict[str, Any] = {
    "settings": {
        "pod_name": 'Zoë\'s "pod" $(reboot) {{ 7 * 7 }} \\ %h',
        "enable_registrations": False,
    },
    "mail": {"enable": True, "smtp": {"host": "mail.example.org", "port": 587}},
}


def pod(**more: Any) -> Pod:
    return Pod.model_validate(
        {
            "name": "main",
            "domain": "pod.example.org",
            "host": "vps",
            "release": "0.9.1.0",
            "admin": {"username": "alice", "email": "alice@example.org"},
            "diaspora": SETTINGS,
            **more,
        }
    )


def staged(root: Path, wanted: Pod | None = None, *, for_gate: bool = False) -> StagedPod:
    wanted = wanted or pod()
    (root / "vault").mkdir(parents=True)
    password = root / "vault-password"
    password.write_text("only for this test\n")
    password.chmod(0o600)
    vault = Vault(root / "vault", VaultPassword(password))
    vault.update({f"pods.main.{name}": value for name, value in SECRETS.items()})
    fleet = Fleet(
        name="golden",
        file=root / "fleet.toml",
        keeps=root,
        acme=Acme.model_construct(directory="https://acme.example.org", contact="a@example.org"),
        hosts={"vps": Host.model_validate({"name": "vps", "memory": "2 GiB"})},
        pods={wanted.name: wanted},
        lead_pod="main",
    )
    return stage_pod(fleet, wanted, RELEASE, vault, root / "stage", for_gate=for_gate)


def test_pod_stage(tmp_path: Path) -> None:
    assert_golden(staged(tmp_path).root / "files", "pod")


def test_the_same_pod_has_the_same_digest_and_another_setting_another_one(tmp_path: Path) -> None:
    first = staged(tmp_path / "a").digest
    assert staged(tmp_path / "b").digest == first
    more = {**SETTINGS, "settings": {"pod_name": "another"}}
    assert staged(tmp_path / "c", pod(diaspora=more)).digest != first


def test_settings_arrive_as_they_were_written(tmp_path: Path) -> None:
    path = staged(tmp_path).root / "files" / "@release" / "config" / "diaspora.toml"
    told = tomllib.loads(path.read_text())["configuration"]
    assert told["settings"] == SETTINGS["settings"]
    assert told["mail"]["smtp"]["password"] == SECRETS["settings.mail.smtp.password"]
    assert told["environment"]["url"] == "https://pod.example.org/"


def test_secrets_are_private_and_in_no_other_file(tmp_path: Path) -> None:
    stage = staged(tmp_path)
    files = [path for path in stage.root.rglob("*") if path.is_file()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    private = {"diaspora.toml", *(path.name for path in (stage.root / "secrets").iterdir())}
    for path in files:
        if path.name not in private:
            text = path.read_text()
            assert not any(secret in text for secret in SECRETS.values()), path


def test_the_partners_of_a_gate_are_no_part_of_what_the_pod_consists_of(tmp_path: Path) -> None:
    """Else a stage for an upgrade would never have the digest that `plan` compares."""
    plain, gated = staged(tmp_path / "a"), staged(tmp_path / "b", for_gate=True)
    assert plain.digest == gated.digest
    path = gated.root / "secrets" / "partners.json"
    assert path.stat().st_mode & 0o077 == 0
    assert json.loads(path.read_bytes()) == []
    assert not (plain.root / "secrets" / "partners.json").exists()


def test_what_only_the_pod_may_read_is_so_from_the_first(tmp_path: Path) -> None:
    listed = {entry["path"]: entry for entry in staged(tmp_path).manifest["files"]}
    toml = listed["@release/config/diaspora.toml"]
    assert (toml["mode"], toml["owner"], toml["group"]) == ("0640", "root", "pod-main")


def page(root: Path, maintenance: dict[str, str]) -> str:
    """What visitors see of a pod that says this of its page."""
    stage = staged(root, pod(maintenance=maintenance))
    return (stage.root / "files/srv/pods/main/maintenance.html").read_text()


def test_the_maintenance_page_speaks_the_fleets_language(tmp_path: Path) -> None:
    german = page(tmp_path / "de", {"language": "de-AT"})
    assert '<html lang="de-AT">' in german and ">Gleich wieder da<" in german
    assert ">pod.example.org wird gerade gepflegt." in german
    own = page(tmp_path / "own", {"language": "nl", "title": "Even weg", "text": "Tot zo!"})
    assert ">Even weg<" in own and ">Tot zo!<" in own and "Back" not in own


def test_words_of_the_page_are_words_and_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    text = page(tmp_path, {"title": "<script>alert(1)</script>", "text": '"&{{ 7 * 7 }}'})
    assert "<script" not in text and "{{ 7 * 7 }}" in text
    assert "&lt;script&gt;" in text and "&#34;&amp;" in text
    assert not any(word in text for word in ("src=", "href=", "url(", "@import"))


BREAKING_OUT = ["pod.example.org;\n}", "a.example.org $host"]


@pytest.mark.parametrize("domain", BREAKING_OUT)
def test_a_domain_that_would_break_out_of_its_line_is_refused(tmp_path: Path, domain: str) -> None:
    """The fleet file refuses it before; the templates do not rely on that."""
    broken = pod().model_copy(update={"domain": domain})
    with pytest.raises(Refusal):
        staged(tmp_path, broken)
