"""The vault keeps what it is given, and gives it to nobody else."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from provision.errors import Refusal
from provision.fleet import keys
from provision.fleet.secrets import Vault
from provision.fleet.vault_password import VARIABLE, VaultPassword

ANSIBLE_VAULT = Path(sys.executable).with_name("ansible-vault")
SAID = 'a "quoted" ü\n$(id) {{ x }}\\'


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "fleet", VaultPassword(tmp_path / "elsewhere" / "password"))


def again(vault: Vault) -> Vault:
    """Another process's view of the same vault."""
    password = vault.path.parent.parent / "elsewhere" / "password"
    return Vault(vault.path.parent, VaultPassword(password))


def ansible_vault(verb: str, vault: Vault, password: Path) -> str:
    argv = [str(ANSIBLE_VAULT), verb, "--vault-password-file", str(password), str(vault.path)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_a_secret_comes_back(vault: Vault) -> None:
    vault.set("pods.main.settings.mail.smtp.password", SAID)
    assert again(vault).get("pods.main.settings.mail.smtp.password") == SAID
    assert again(vault).pod_settings("main") == {"mail.smtp.password": SAID}


@pytest.mark.parametrize("value", ["yes", "0123", "null", "~", "", " spaces ", "- a", "\n", "a: b"])
def test_a_secret_stays_text(vault: Vault, value: str) -> None:
    vault.set("a.b", value)
    assert again(vault).get("a.b") == value


def test_ansible_vault_reads_it(vault: Vault, tmp_path: Path) -> None:
    vault.set("pods.main.admin_password", "correct horse")
    seen = ansible_vault("view", vault, tmp_path / "elsewhere" / "password")
    assert seen == "pods.main.admin_password: correct horse\n"


def test_it_reads_what_ansible_vault_wrote(vault: Vault, tmp_path: Path) -> None:
    vault.set("a", "1")
    password = tmp_path / "elsewhere" / "password"
    ansible_vault("decrypt", vault, password)
    ansible_vault("encrypt", vault, password)
    assert again(vault).get("a") == "1"


def test_file_and_password_are_only_the_owners(vault: Vault, tmp_path: Path) -> None:
    vault.set("a", "1")
    for file in (vault.path, tmp_path / "elsewhere" / "password"):
        assert file.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in vault.path.parent.iterdir()] == ["secrets.vault"]


def test_reading_makes_nothing(vault: Vault) -> None:
    assert vault.get("a") is None
    assert not vault.path.parent.exists()


def test_a_wrong_password_is_refused_by_variable_and_file(vault: Vault, tmp_path: Path) -> None:
    vault.set("a", "hidden value")
    wrong = tmp_path / "wrong"
    wrong.write_text("not it\n")
    wrong.chmod(0o600)
    opened = Vault(vault.path.parent, VaultPassword(wrong, stated_by=f"${VARIABLE}"))
    before = vault.path.read_bytes()
    acts: list[Callable[[], object]] = [
        lambda: opened.get("a"),
        lambda: opened.set("b", "2"),
        opened.ensure_fleet,
    ]
    for act in acts:
        with pytest.raises(Refusal) as caught:
            act()
        assert VARIABLE in str(caught.value) and str(wrong) in str(caught.value)
        assert "hidden value" not in str(caught.value)
    assert vault.path.read_bytes() == before


def test_a_lost_password_is_not_made_anew(vault: Vault, tmp_path: Path) -> None:
    vault.set("a", "1")
    (tmp_path / "elsewhere" / "password").unlink()
    with pytest.raises(Refusal, match="password is not there"):
        again(vault).set("b", "2")


def test_a_password_that_others_can_read_is_refused(vault: Vault, tmp_path: Path) -> None:
    vault.set("a", "1")
    (tmp_path / "elsewhere" / "password").chmod(0o644)
    with pytest.raises(Refusal, match="chmod 600"):
        again(vault).get("a")


def test_what_cannot_be_read_is_refused(vault: Vault, tmp_path: Path) -> None:
    vault.set("a", "1")
    vault.path.unlink()
    vault.path.mkdir()
    with pytest.raises(Refusal, match="cannot be read: Is a directory"):
        again(vault).get("a")


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"$ANSIBLE_VAULT;1.1;AES256\n3031\n"])
def test_a_damaged_vault_is_refused_and_kept(vault: Vault, damage: bytes) -> None:
    vault.set("a", "1")
    vault.path.write_bytes(damage)
    with pytest.raises(Refusal, match="damaged"):
        again(vault).set("b", "2")
    assert vault.path.read_bytes() == damage


def test_an_altered_vault_is_refused(vault: Vault) -> None:
    vault.set("a", "1")
    text = vault.path.read_bytes().rstrip()
    vault.path.write_bytes(text[:-1] + (b"0" if text[-1:] != b"0" else b"1"))
    with pytest.raises(Refusal):
        again(vault).get("a")


def test_many_writers_lose_nothing(vault: Vault) -> None:
    writers = [again(vault) for _ in range(8)]
    threads = [
        threading.Thread(target=writer.set, args=(f"key.{number}", str(number)))
        for number, writer in enumerate(writers)
    ]
    vault.set("first", "0")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(again(vault).paths()) == 9


def test_what_was_made_once_stays_and_is_what_diaspora_makes(vault: Vault) -> None:
    vault.ensure_fleet()
    vault.ensure_pod("main")
    before = {path: vault.get(path) for path in vault.paths()}
    assert sorted(before) == sorted(
        [
            *(f"fleet.{key}" for key in keys.OF_FLEET),
            *(f"pods.main.{key}" for key in keys.OF_POD),
        ]
    )
    other = again(vault)
    other.ensure_fleet()
    other.ensure_pod("main")
    assert {path: other.get(path) for path in other.paths()} == before
    _check_keys(other)


def _check_keys(vault: Vault) -> None:
    base = vault.need("pods.main.secret_key_base")
    assert len(base) == 80 and int(base, 16)
    assert keys.read_secret_token_rb(keys.secret_token_rb(base)) == base
    pem = vault.need("pods.main.oidc_key")
    assert pem.startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    key = load_pem_private_key(pem.encode(), None)
    assert getattr(key, "key_size", 0) == 4096


def test_ssh_keygen_signs_with_the_signing_key(vault: Vault, tmp_path: Path) -> None:
    vault.ensure_fleet()
    private, signers, manifest = (tmp_path / name for name in ("key", "signers", "manifest"))
    private.write_text(vault.signing_key())
    private.chmod(0o600)
    signers.write_text(f"podfleet {vault.signing_key_public()}\n")
    manifest.write_text("release")
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "podfleet-release", "-f"]
    subprocess.run([*sign, str(private), str(manifest)], check=True, capture_output=True)
    verify = ["ssh-keygen", "-Y", "verify", "-n", "podfleet-release", "-I", "podfleet", "-f"]
    argv = [*verify, str(signers), "-s", f"{manifest}.sig"]
    subprocess.run(argv, check=True, capture_output=True, input=b"release")


def test_nothing_shows_a_value(vault: Vault) -> None:
    vault.set("pods.main.admin_password", "correct horse")
    assert "correct horse" not in repr(vault) + str(vault) + str(vault.paths())


def test_masking_finds_a_value_in_any_spelling(vault: Vault) -> None:
    vault.set("pods.main.settings.mail.smtp.password", 'quo"ted\nsecond line')
    text = 'password = "quo\\"ted\\nsecond line"\nand second line\nfree'
    masked = vault.masked(text)
    assert "ted" not in masked and "second" not in masked
    assert masked.startswith('password = "<pods.main.settings.mail.smtp.password>"')
    assert masked.endswith("\nfree")


def test_rotating_makes_another(vault: Vault) -> None:
    vault.set("pods.main.canary_password", "before")
    before = vault.need("pods.main.canary_password")
    vault.rotate("pods.main.canary_password")
    assert vault.need("pods.main.canary_password") != before
    with pytest.raises(Refusal, match="secrets set"):
        vault.rotate("pods.main.settings.mail.smtp.password")


def test_a_changed_password_opens_the_vault_and_the_old_one_does_not(
    vault: Vault, tmp_path: Path
) -> None:
    vault.set("a", "1")
    file = tmp_path / "elsewhere" / "password"
    old = file.read_bytes()
    vault.change_password()
    assert again(vault).get("a") == "1"
    assert file.read_bytes() != old
    file.write_bytes(old)
    with pytest.raises(Refusal):
        again(vault).get("a")


@pytest.mark.parametrize("cut", ["accept", "seal"])
def test_a_change_of_password_may_be_cut(
    vault: Vault, cut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.set("a", "1")

    def fail(*_: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        if cut == "accept":
            patch.setattr(VaultPassword, "accept", fail)
        else:
            patch.setattr("provision.fleet.ansible_vault.seal", fail)
        with pytest.raises(InterruptedError):
            vault.change_password()
    again(vault).set("b", "2")
    assert again(vault).get("a") == "1" and again(vault).get("b") == "2"
