"""What `up` refuses before it touches any host: secrets that are lost, hosts that are unfit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provision.fleet.secrets import Vault
from provision.fleet.vault_password import VARIABLE, VaultPassword
from tests.lab.faults.controller import Controller, Host

NEWCOMER = {"alpha": "one", "beta": "one"}


@contextmanager
def untouched(stood: Controller) -> Iterator[None]:
    """Nothing on the host changes meanwhile, the pod serves, and afterwards nothing is to do."""
    before = stood.traces("one")
    yield
    assert stood.traces("one") == before
    assert stood.serves("alpha")
    assert "Nothing to do." in stood.podfleet("up").stdout


@pytest.mark.parametrize("verb", ["plan", "up", "secrets show"])
def test_a_wrong_vault_password_is_refused(stood: Controller, verb: str, tmp_path: Path) -> None:
    other = tmp_path / "password"
    other.touch(mode=0o600)
    other.write_text("not this one\n")
    vault = stood.vault.read_bytes()
    with untouched(stood):
        said = stood.refused(verb, environment={VARIABLE: str(other)})
    assert f"does not open with the password in {other}" in said
    assert "Put the right password there" in said
    assert stood.vault.read_bytes() == vault


@pytest.mark.parametrize("also_forgotten", [False, True], ids=["vault", "vault and launched.toml"])
@pytest.mark.parametrize("newcomer", [False, True], ids=["alone", "with a newcomer"])
def test_a_lost_vault_never_leads_to_new_keys(
    stood: Controller, tmp_path: Path, also_forgotten: bool, newcomer: bool
) -> None:
    lost = [stood.vault, *([stood.directory / "launched.toml"] if also_forgotten else [])]
    with untouched(stood):
        for file in lost:
            file.rename(tmp_path / file.name)
        try:
            with stood.otherwise(pods=NEWCOMER if newcomer else stood.pods):
                for verb in ("up", "launch"):
                    said = stood.refused(verb)
                    assert str(stood.vault) in said and "Git or a copy" in said, said
                    assert "never makes new keys" in said
            assert not stood.vault.exists() or also_forgotten
        finally:
            for file in lost:
                (tmp_path / file.name).replace(file)


def test_a_host_that_lost_its_pod_gets_it_with_the_keys_it_had(stood: Controller) -> None:
    """The vault lacks only this pod's keys: they are not made anew either."""
    vault = Vault(stood.directory, VaultPassword(stood.vault_password))
    key = vault.need("pods.alpha.oidc_key")
    vault.remove("pods.alpha.oidc_key")
    try:
        with untouched(stood):
            said = stood.refused("up")
            vault.set("pods.alpha.oidc_key", key)
    finally:
        vault.set("pods.alpha.oidc_key", key)
    assert "holds no oidc_key of pod alpha" in said and "Put secrets.vault back" in said


def test_what_a_launch_left_is_kept_by_the_next_up(stood: Controller) -> None:
    """As after a launch whose controller died, and which ended well without it."""
    vault = Vault(stood.directory, VaultPassword(stood.vault_password))
    vault.remove("pods.alpha.canary")
    (stood.directory / "launched.toml").unlink()
    plan = stood.podfleet("plan", "--json").json
    assert [pod["action"] for pod in plan["pods"]] == ["finish"]
    stood.podfleet("up")
    assert stood.has_nothing_to_do()
    assert vault.get("pods.alpha.canary")
    assert "alpha.example.org" in (stood.directory / "launched.toml").read_text()


@contextmanager
def another_debian(stood: Controller) -> Iterator[None]:
    release = "/usr/lib/os-release"
    stood.shell("one", f'cp -a {release} /root/os-release; sed -i \'s/"13"/"12"/\' {release}')
    try:
        yield
    finally:
        stood.shell("one", f"cp -a /root/os-release {release}")


@contextmanager
def too_little_memory(stood: Controller) -> Iterator[None]:
    with stood.otherwise(hosts={"one": Host(memory="4000 GiB")}):
        yield


@contextmanager
def too_little_disk(stood: Controller) -> Iterator[None]:
    """Room for what is there, and none for another pod."""
    free = "$(( $(stat -f -c '%a * %S' /srv) - 3 * 1024 * 1024 * 1024 ))"
    stood.shell("one", f"fallocate --length {free} /srv/ballast")
    try:
        with stood.otherwise(pods=NEWCOMER):
            yield
    finally:
        stood.shell("one", "rm -f /srv/ballast")


UNFIT = {
    "another Debian": (another_debian, "Debian release: Debian 12", "Install Debian 13"),
    "too little memory": (too_little_memory, "memory: ", 'Write memory = "'),
    "too little disk": (too_little_disk, "disk: 3.0 GiB free", "Make room: 4 GiB are needed"),
}


@pytest.mark.parametrize("fault", UNFIT)
def test_an_unfit_host_is_refused_before_anything_is_touched(stood: Controller, fault: str) -> None:
    broken, what, do = UNFIT[fault]
    with untouched(stood), broken(stood):
        said = stood.refused("up", "--deep")
        found = stood.podfleet("validate", "--hosts", "--json", check=False).json
    assert f"host one: {what}" in said and do in said, said
    assert "Then run podfleet up again." in said
    (check,) = {
        one["check"] for one in found if one["host"] == "one" and one["do"] in said if one["do"]
    }
    assert what.startswith(check)
