"""What `init` writes loads, holds its key, and replaces nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.errors import Refusal, Refusals
from provision.fleet.loading import load_fleet
from provision.fleet.new import write_fleet
from provision.fleet.questions import Answers, answers
from provision.fleet.secrets import open_vault

STATED = {
    "domain": "pod.example.org",
    "address": "203.0.113.10",
    "memory": "2 GiB",
    "admin": "alice",
    "email": "alice@example.org",
}


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODFLEET_CONFIG", str(tmp_path / "configuration"))
    monkeypatch.delenv("PODFLEET_VAULT_PASSWORD_FILE", raising=False)
    return tmp_path / "configuration"


def nobody(question: str, *, otherwise: str) -> str:
    raise AssertionError(f"asked {question} instead of taking {otherwise}")


def made() -> Answers:
    return answers(STATED, nobody, take_defaults=True)


def test_it_loads_and_its_vault_opens(tmp_path: Path, outside: Path) -> None:
    file = write_fleet(tmp_path / "mine", made())
    fleet = load_fleet(str(tmp_path / "mine"))
    assert (fleet.file, fleet.pods["main"].domain) == (file, "pod.example.org")
    assert open_vault(fleet).signing_key().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert (outside / "mine.vault-password").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in file.parent.iterdir()} == {
        "fleet.toml",
        "secrets.vault",
        "README.md",
        ".gitignore",
    }


def test_nothing_secret_is_readable_in_it(tmp_path: Path, outside: Path) -> None:
    directory = write_fleet(tmp_path / "mine", made()).parent
    password = (outside / "mine.vault-password").read_bytes().strip()
    for file in directory.iterdir():
        assert password not in file.read_bytes() and b"PRIVATE KEY" not in file.read_bytes()


def test_an_existing_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").write_text("x")
    with pytest.raises(Refusal, match="exists already"):
        write_fleet(tmp_path / "mine", made())
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["precious"]


def test_another_fleets_password_is_not_taken(tmp_path: Path) -> None:
    write_fleet(tmp_path / "here" / "mine", made())
    with pytest.raises(Refusal, match="is the password of a fleet 'mine' already"):
        write_fleet(tmp_path / "there" / "mine", made())
    assert not (tmp_path / "there" / "mine").exists()


def test_what_does_not_load_leaves_nothing(tmp_path: Path, outside: Path) -> None:
    old = Answers("pod.example.org", "2 GiB", "alice", "a@example.org", "0.7.18.2", "203.0.113.1")
    with pytest.raises(Refusals, match=rf"{tmp_path}/mine/fleet.toml:\d+: pods.main.release"):
        write_fleet(tmp_path / "mine", old)
    assert list(tmp_path.iterdir()) == [] and not outside.exists()


def test_a_hostile_answer_is_only_a_text(tmp_path: Path) -> None:
    stated = STATED | {"email": 'a"$(id){{x}}@example.org'}
    file = write_fleet(tmp_path / "mine", answers(stated, nobody, take_defaults=True))
    assert load_fleet(str(file)).pods["main"].admin.email == stated["email"]


def test_every_wrong_flag_is_named_at_once() -> None:
    wrong = {"domain": "my_pod.example.org", "address": "x", "memory": "2", "admin": "root"}
    with pytest.raises(Refusals) as caught:
        answers(wrong, nobody)
    assert [error.where for error in caught.value.errors] == [f"--{name}" for name in wrong]


def test_a_server_without_an_address_is_refused() -> None:
    stated = {name: value for name, value in STATED.items() if name != "address"}
    with pytest.raises(Refusals, match="--address6"):
        answers(stated, nobody, take_defaults=True)


def test_a_wrong_answer_is_asked_for_again_with_the_reason() -> None:
    asked: list[str] = []
    replies = iter(["my_pod.example.org", "pod.example.org"])

    def reply(question: str, *, otherwise: str) -> str:
        asked.append(question)
        assert otherwise == "--domain"
        return next(replies)

    stated = {name: value for name, value in STATED.items() if name != "domain"}
    assert answers(stated, reply, take_defaults=True).domain == "pod.example.org"
    assert "underscore" in asked[1] and "underscore" not in asked[0]
