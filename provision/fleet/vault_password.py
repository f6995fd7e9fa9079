"""The password that opens a fleet's vault: where it is, and how it is made and changed."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from provision import places
from provision.errors import Refusal
from provision.fleet.ansible_vault import WrongPassword
from provision.fleet.model import Fleet
from provision.writing import write_atomically

VARIABLE = "PODFLEET_VAULT_PASSWORD_FILE"
Opened = TypeVar("Opened")


def password_of(fleet: Fleet) -> VaultPassword:
    """The password's file of that fleet: never in the directory that goes into Git."""
    if stated := os.environ.get(VARIABLE):
        return VaultPassword(Path(stated), stated_by=f"${VARIABLE}")
    if fleet.is_lab:
        return VaultPassword(fleet.keeps / "vault-password")
    return VaultPassword(own_file(fleet.name))


def own_file(fleet: str) -> Path:
    """Where the password is unless the environment says otherwise."""
    return places.configuration_directory() / f"{fleet}.vault-password"


class VaultPassword:
    """One password in one file that only its owner may read."""

    def __init__(self, file: Path, *, stated_by: str | None = None) -> None:
        self.file, self._stated_by = file, stated_by
        # A change is written aside first: cut in between, one of the two files still opens.
        self._proposed = file.with_name(f"{file.name}.new")

    @property
    def where(self) -> str:
        return f"{self.file} ({self._stated_by})" if self._stated_by else str(self.file)

    def try_each(self, use: Callable[[bytes], Opened]) -> Opened:
        """Uses the password, or the one that an interrupted change had begun to use."""
        try:
            return use(self._read())
        except WrongPassword:
            if not self._proposed.exists():
                raise
            opened = use(_content(self._proposed))
            self.accept()
            return opened

    def for_writing(self, *, new_vault: bool) -> bytes:
        """The password to encrypt with; made where neither it nor a vault exists yet."""
        if self._proposed.exists():
            return _content(self._proposed)
        if new_vault and not self.file.exists() and not self._stated_by:
            self._make(self.file)
        return self._read()

    def propose(self) -> None:
        """Makes the next password, beside the one in use."""
        if self._stated_by:
            do = f"Unset {VARIABLE} and let podfleet keep it, or use `ansible-vault rekey`."
            raise Refusal(self.where, "is yours, podfleet does not rewrite it", do)
        self._make(self._proposed)

    def accept(self) -> None:
        """The proposed password is the one in use now."""
        self._proposed.replace(self.file)

    def _make(self, file: Path) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(file, secrets.token_urlsafe(32).encode() + b"\n", mode=0o600)

    def _read(self) -> bytes:
        if not self.file.exists():
            do = f"Put the fleet's password there (0600), or name its file in ${VARIABLE}."
            raise Refusal(self.where, "the vault's password is not there", do)
        mode = stat.S_IMODE(self.file.stat().st_mode)
        if mode & 0o077:
            do = f"chmod 600 {self.file}"
            raise Refusal(self.where, f"others may read it (mode {mode:04o})", do)
        return _content(self.file)


def read(file: Path) -> bytes:
    """A file's content; refuses where it is somebody else's."""
    try:
        return file.read_bytes()
    except OSError as error:
        do = "Run as the user whose it is."
        raise Refusal(str(file), f"cannot be read: {error.strerror}", do) from error


def _content(file: Path) -> bytes:
    password = read(file).strip()
    if not password:
        raise Refusal(str(file), "is empty", "Write the vault's password into it.")
    return password
