"""Writes a new fleet's directory: what `podfleet init` makes from the answers it got."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provision.errors import Refusal, Refusals
from provision.fleet.loading import load_file
from provision.fleet.questions import Answers
from provision.fleet.reading import FILE_NAME
from provision.fleet.secrets import Vault
from provision.fleet.vault_password import VARIABLE, VaultPassword, own_file
from provision.quoting import toml
from provision.writing import sync_directory

GITIGNORE = """\
# Everything else here is public or encrypted and belongs into Git; exports hold users' data.
/exports/
*.vault-password
"""


def write_fleet(directory: Path, answers: Answers) -> Path:
    """Makes the directory, whole or not at all; returns its fleet file, which loads."""
    directory = directory.expanduser().absolute()
    _refuse_existing(directory)
    password = _password(directory.name)
    with _aside(directory) as aside:
        (aside / FILE_NAME).write_text(_fleet_text(answers), encoding="utf-8")
        (aside / ".gitignore").write_text(GITIGNORE, encoding="utf-8")
        (aside / "README.md").write_text(_readme(answers, password), encoding="utf-8")
        _refuse_what_does_not_load(aside, directory)
        Vault(aside, password).ensure_fleet()
    return directory / FILE_NAME


def _refuse_existing(directory: Path) -> None:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        do = "Choose another directory; `podfleet init` writes over nothing."
        raise Refusal(str(directory), "exists already", do)


def _refuse_what_does_not_load(aside: Path, directory: Path) -> None:
    try:
        load_file(aside / FILE_NAME)
    except Refusals as refused:
        raise Refusals(
            [
                Refusal(error.where.replace(str(aside), str(directory)), error.what, error.do)
                for error in refused.errors
            ]
        ) from refused


def _password(name: str) -> VaultPassword:
    if stated := os.environ.get(VARIABLE):
        return VaultPassword(Path(stated), stated_by=f"${VARIABLE}")
    file = own_file(name)
    if file.exists():
        do = f"Choose another directory name, or say ${VARIABLE}={file} to use it for both."
        raise Refusal(str(file), f"is the password of a fleet {name!r} already", do)
    return VaultPassword(file)


@contextmanager
def _aside(directory: Path) -> Iterator[Path]:
    """A directory that gets its real name when everything in it is there."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    aside = directory.with_name(f".{directory.name}.{secrets.token_hex(4)}")
    aside.mkdir()
    try:
        yield aside
        aside.rename(directory)
    except BaseException:
        shutil.rmtree(aside)
        raise
    sync_directory(directory.parent)


def _fleet_text(answers: Answers) -> str:
    addresses = {"address": answers.address, "address6": answers.address6}
    host = [f"{key} = {toml(value)}" for key, value in addresses.items() if value]
    return "\n".join(
        [
            "# What this fleet consists of; inventories/community-fleet shows all it can say.",
            "[hosts.vps]",
            *host,
            f"memory = {toml(answers.memory)}",
            "",
            "[pods.main]",
            "# For ever: every other pod of the network will know this one by it.",
            f"domain = {toml(answers.domain)}",
            'host = "vps"',
            f"release = {toml(answers.release)}",
            f"admin = {{ username = {toml(answers.admin)}, email = {toml(answers.email)} }}",
            "",
            "[pods.main.diaspora.settings]",
            f"pod_name = {toml(answers.domain)}",
            "",
        ]
    )


def _readme(answers: Answers, password: VaultPassword) -> str:
    return f"""\
# {answers.domain}

- `fleet.toml` says which pods exist on which servers. Change it, then run `podfleet up .`.
- `secrets.vault` holds keys and passwords, encrypted; `podfleet secrets show --fleet .` lists them.
- Its password was written to `{password.file}`: keep a copy of it, outside of this directory.
- This directory in Git and that password are a full controller on any machine.

    podfleet validate --hosts .   # is the server ready, do the names resolve?
    podfleet up .                 # stand everything up
"""
