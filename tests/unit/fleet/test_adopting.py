"""An old pod's settings come along, and whatever does not is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.errors import Refusal, Refusals
from provision.fleet.adopting import adopt_settings, take_settings
from provision.fleet.loading import load_fleet
from provision.fleet.model import Fleet
from provision.fleet.secrets import Vault
from provision.fleet.vault_password import VaultPassword

YML = """\
configuration: ## Section
  environment: ## Section
    url: "https://pod.example.org/"
    certificate_authorities: '/etc/ssl/certs/ca-certificates.crt'
    single_process_mode: false
    sidekiq: ## Section
      concurrency: 25
      retry: 8
    s3: ## Section
      secret: 'hunter2'
  server: ## Section
    listen: 'unix:tmp/diaspora.sock'
    unicorn_worker: 3
    unicorn_timeout: 60
  chat: ## Section
    enabled: true
    server:
      bosh: {port: 5280}
  settings: ## Section
    pod_name: "Größe & Co"
    export_concurrency: 2
    invitations:
      count: "25"
    terms: ## Section
      minimum_age: 16
  mail: ## Section
    enable: true
    smtp: ## Section
      host: smtp.example.org
      password: 'hunter2'
  nonsense: 1
production: ## Section
  settings:
    pod_name: "Production"
"""
TOML = """\
[configuration.environment]
url = "https://Pod.Example.org"
[configuration.server]
rails_environment = "production"
[configuration.settings]
pod_name = "Pod"
[configuration.mail.smtp]
password = "hunter2"
[production]
environment.image_redirect_url = "https://images.example.org"
"""


def written(tmp_path: Path, name: str, text: str) -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_an_old_yml(tmp_path: Path) -> None:
    adopted = adopt_settings(written(tmp_path, "diaspora.yml", YML))
    assert adopted.domain == "pod.example.org"
    assert adopted.tables == {
        "environment": {"sidekiq": {"retry": 8}},
        "server": {"web_timeout": 60},
        "settings": {
            "pod_name": "Production",
            "archive_jobs_concurrency": 2,
            "terms": {"minimum_age": 16},
        },
        "mail": {"enable": True, "smtp": {"host": "smtp.example.org"}},
    }
    assert adopted.secrets == {"environment.s3.secret": "hunter2", "mail.smtp.password": "hunter2"}
    assert adopted.left == {
        "chat.enabled": "the chat is gone",
        "chat.server.bosh.port": "the chat is gone",
        "environment.certificate_authorities": "it is the host's own bundle",
        "environment.sidekiq.concurrency": "write sidekiq_concurrency in the pod's table",
        "environment.single_process_mode": "sidekiq is a process of its own",
        "environment.url": "it follows from the pod's domain",
        "nonsense": "diaspora* has no such setting any more",
        "server.listen": "each release has a socket of its own",
        "server.unicorn_worker": "puma is one process with threads",
        "settings.invitations.count": "'25' is not a number without quotes",
    }


def test_an_old_toml(tmp_path: Path) -> None:
    adopted = adopt_settings(written(tmp_path, "diaspora.toml", TOML))
    assert adopted.domain == "pod.example.org"
    assert adopted.tables == {
        "environment": {"image_redirect_url": "https://images.example.org"},
        "settings": {"pod_name": "Pod"},
    }
    assert adopted.secrets == {"mail.smtp.password": "hunter2"}


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    adopted = adopt_settings(written(tmp_path, "diaspora.yml", YML))
    assert "hunter2" not in repr(adopted) + str(adopted.left)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("diaspora.yml", "a: [hunter2", "is no configuration: line"),
        ("diaspora.yml", "a: hunter2", "has no `configuration`"),
        ("diaspora.yml", "- hunter2", "has no `configuration`"),
        ("diaspora.toml", 'password = "hunter2', "is no configuration"),
    ],
)
def test_another_file_is_refused_without_its_text(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(Refusal, match=said) as caught:
        adopt_settings(written(tmp_path, name, text))
    assert "hunter2" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        adopt_settings(tmp_path / "diaspora.yml")


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


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    (tmp_path / "fleet.toml").write_text(FLEET)
    return load_fleet(str(tmp_path))


@pytest.fixture
def vault(fleet: Fleet, tmp_path: Path) -> Vault:
    return Vault(fleet.keeps, VaultPassword(tmp_path / "password"))


def test_settings_go_into_the_fleet_file_and_secrets_into_the_vault(
    fleet: Fleet, vault: Vault, tmp_path: Path
) -> None:
    vault.set("pods.main.settings.mail.smtp.password", "the new one")
    old = written(tmp_path, "diaspora.yml", YML.replace("    enable: true\n", ""))
    for _ in range(2):
        take_settings(fleet, vault, fleet.pods["main"], old)
        diaspora = load_fleet(str(fleet.file)).pods["main"].diaspora
        assert diaspora["settings"] == {
            "pod_name": "New",
            "archive_jobs_concurrency": 2,
            "terms": {"minimum_age": 16},
        }
        assert diaspora["server"] == {"web_timeout": 60}
        assert "hunter2" not in fleet.file.read_text()
        assert vault.pod_settings("main") == {
            "environment.s3.secret": "hunter2",
            "mail.smtp.password": "the new one",
        }


def test_another_pods_settings_are_refused(fleet: Fleet, vault: Vault, tmp_path: Path) -> None:
    other = YML.replace("pod.example.org", "other.example.org")
    with pytest.raises(Refusal, match=r'Write domain = "other\.example\.org"'):
        take_settings(fleet, vault, fleet.pods["main"], written(tmp_path, "diaspora.yml", other))
    assert vault.paths() == () and fleet.file.read_text() == FLEET


LOCAL_MAIL = """\
configuration:
  environment: {url: "https://pod.example.org/"}
  settings: {username_blacklist: [alice]}
  mail: {enable: true, smtp: {host: localhost, password: hunter2}}
"""


def test_what_the_fleet_file_could_not_be_loaded_with_is_refused_and_not_written(
    fleet: Fleet, vault: Vault, tmp_path: Path
) -> None:
    old = written(tmp_path, "diaspora.yml", LOCAL_MAIL)
    with pytest.raises(Refusals) as caught:
        take_settings(fleet, vault, fleet.pods["main"], old)
    said = str(caught.value).replace(str(tmp_path), "").splitlines()
    assert [line.partition(". ")[0] for line in said] == [
        "/fleet.toml: pods.main.diaspora.mail.smtp.host (with /diaspora.yml): "
        "a pod may not reach its host's loopback",
        "/fleet.toml: pods.main.diaspora.mail.smtp.username (with /diaspora.yml): "
        "is missing while the relay asks who sends",
        "/fleet.toml: pods.main.admin.username (with /diaspora.yml): "
        "diaspora* lets nobody be called 'alice'",
    ]
    assert vault.paths() == () and fleet.file.read_text() == FLEET


def test_what_the_fleet_file_states_mends_what_the_old_pod_said(
    fleet: Fleet, vault: Vault, tmp_path: Path
) -> None:
    smtp = 'host = "smtp.example.org"\nauthentication = "none"\n'
    more = f"username_blacklist = []\n[pods.main.diaspora.mail.smtp]\n{smtp}"
    fleet.file.write_text(FLEET + more)
    fleet = load_fleet(str(fleet.file))
    take_settings(fleet, vault, fleet.pods["main"], written(tmp_path, "diaspora.yml", LOCAL_MAIL))
    assert load_fleet(str(fleet.file)).pods["main"].diaspora["mail"]["enable"] is True


def test_the_podmin_of_an_old_pod_is_told_what_becomes_of_it(tmp_path: Path) -> None:
    old, newer = tmp_path / "diaspora.yml", tmp_path / "diaspora.toml"
    old.write_text(YML)
    newer.write_text(TOML)
    assert any("the chat" in what for what in adopt_settings(old).told)
    assert adopt_settings(newer).told == ()


def test_a_release_to_adopt_into_has_names_of_its_own(tmp_path: Path) -> None:
    old = tmp_path / "diaspora.toml"
    old.write_text('[configuration.settings]\nsource_url = "https://example.org/"\n')
    assert adopt_settings(old, "1.2.0.0").tables == {
        "settings": {"source_url": "https://example.org/"}
    }
    assert adopt_settings(old, "1.3.0.0").tables == {
        "settings": {"source_code_url": "https://example.org/"}
    }
