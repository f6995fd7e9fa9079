"""The fleet's secrets: one encrypted file, `secrets.vault`, of `path: value` lines.

Paths are `fleet.signing_key`, `pods.<pod>.oidc_key`, `pods.<pod>.settings.<diaspora* setting>`.
Values leave it only through `get`; neither a repr nor an error ever carries one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from provision.errors import Refusal
from provision.fleet import ansible_vault, authority, keys
from provision.fleet.launched import launched_domains
from provision.fleet.model import Fleet, Pod
from provision.fleet.vault_password import VaultPassword, password_of, read
from provision.quoting import toml
from provision.writing import locked, write_atomically

FILE_NAME = "secrets.vault"
# Shorter ones would mask half a text, and hide nothing that is worth a guess.
LEAST_MASKED = 4


def open_vault(fleet: Fleet) -> Vault:
    """The fleet's vault; nothing is read or made before the first use."""
    return Vault(fleet.keeps, password_of(fleet))


class Vault:
    """Reads and writes secrets.vault; safe between threads and between processes."""

    def __init__(self, directory: Path, password: VaultPassword) -> None:
        self.path = directory / FILE_NAME
        self._password = password
        self._threads = threading.RLock()
        self._seen: tuple[int, int, int] | None = None
        self._values: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Vault({str(self.path)!r})"

    def get(self, path: str) -> str | None:
        """The secret at that path, if there is one."""
        return self._read().get(path)

    def need(self, path: str) -> str:
        """The secret at that path; refuses where there is none."""
        if value := self.get(path):
            return value
        do = "Run `podfleet up`, which makes what is missing, or `podfleet secrets set`."
        raise Refusal(str(self.path), f"holds no {path}", do)

    def paths(self) -> tuple[str, ...]:
        """What it holds, without the values."""
        return tuple(sorted(self._read()))

    def set(self, path: str, value: str) -> None:
        """Keeps a secret; on disk, synced, when this returns."""
        self.update({path: value})

    def update(self, values: Mapping[str, str]) -> None:
        """Keeps several secrets at once."""
        with self._writing() as kept:
            kept.update(values)

    def remove(self, path: str) -> None:
        """Forgets a secret, if there is one."""
        with self._writing() as kept:
            kept.pop(path, None)

    def ensure_fleet(self) -> None:
        """Makes what every fleet has and this one lacks: the keys that sign for it."""
        self._ensure({f"fleet.{name}": make for name, make in keys.OF_FLEET.items()})

    def ensure_watching(self, fleet: Fleet) -> None:
        """Makes what a watched fleet has besides: certificates of its own authority."""
        if fleet.monitoring is None:
            return
        signed_by = self.need("fleet.authority")
        names = {f"hosts.{host}.metrics": authority.METRICS_NAME for host in fleet.hosts}
        for path, name in {"fleet.scrape": authority.SCRAPE_NAME, **names}.items():
            kept = self.get(path)
            if kept is None or not authority.is_issued_by(kept, signed_by):
                self.set(path, authority.issue(signed_by, name))

    def ensure_pod(self, pod: Pod | str) -> None:
        """Makes what every pod has and this one lacks: its keys and first passwords."""
        name = pod if isinstance(pod, str) else pod.name
        if name in launched_domains(self.path.parent):
            self.need_keys(name)
        self._ensure({f"pods.{name}.{key}": make for key, make in keys.OF_POD.items()})

    def need_keys(self, pod: str) -> None:
        """Refuses where a pod that was launched has lost its keys: new ones are never made."""
        if missing := [key for key in keys.IDENTITY if self.get(f"pods.{pod}.{key}") is None]:
            raise Refusal(
                str(self.path),
                f"holds no {' and no '.join(missing)} of pod {pod}, which was launched with them",
                "Put secrets.vault back from Git or a copy; podfleet never makes new keys for a "
                "pod that exists. They are on its host, too, and in its exports.",
            )

    def rotate(self, path: str) -> None:
        """Makes a secret of podfleet's own anew; the old value is gone."""
        make = _maker(path)
        if make is None:
            do = "Give the new one with `podfleet secrets set`."
            raise Refusal(path, "podfleet does not make this secret", do)
        self.set(path, make())

    def change_password(self) -> None:
        """Encrypts everything under a new password, and writes that to the password's file."""
        with self._threads, locked(self.path.parent):
            self._values, self._seen = self._load(), None
            self._password.propose()
            self._write(self._values)
            self._password.accept()

    def signing_key(self) -> str:
        return self.need("fleet.signing_key")

    def signing_key_public(self) -> str:
        """The line that a host's allowed_signers names."""
        return keys.public_half(self.signing_key())

    def pod_settings(self, pod: Pod | str) -> dict[str, str]:
        """The pod's secret diaspora* settings, by dotted path."""
        prefix = f"pods.{pod if isinstance(pod, str) else pod.name}.settings."
        kept = self._read().items()
        return {path.removeprefix(prefix): value for path, value in kept if path.startswith(prefix)}

    def masked(self, text: str) -> str:
        """The text with every secret in it replaced by its path."""
        shapes = {
            shape: path
            for path, value in self._read().items()
            for shape in _shapes(value)
            if len(shape) >= LEAST_MASKED
        }
        for shape in sorted(shapes, key=len, reverse=True):
            text = text.replace(shape, f"<{shapes[shape]}>")
        return text

    def _ensure(self, makers: Mapping[str, Callable[[], str]]) -> None:
        """Made outside the lock, because an RSA key takes a second; kept only where missing."""
        kept = self._read()
        made = {path: make() for path, make in makers.items() if path not in kept}
        if made:
            with self._writing() as now:
                now.update({path: value for path, value in made.items() if path not in now})

    def _read(self) -> dict[str, str]:
        with self._threads:
            seen = _identity(self.path)
            if seen != self._seen:
                self._values, self._seen = self._load(), seen
            return dict(self._values)

    @contextmanager
    def _writing(self) -> Iterator[dict[str, str]]:
        with self._threads, locked(self.path.parent):
            values = self._load()
            yield values
            self._write(values)
            self._values, self._seen = values, _identity(self.path)

    def _load(self) -> dict[str, str]:
        if not self.path.exists():
            self._refuse_lost()
            return {}
        return _parse(self.path, self._unseal(read(self.path)))

    def _refuse_lost(self) -> None:
        """No vault is made where one must have been: new keys would be other pods' than these."""
        if launched := ", ".join(launched_domains(self.path.parent)):
            what = f"is gone, though it holds the keys of what was launched: {launched}"
            do = "Put it back from Git or a copy; podfleet never makes new keys for a pod."
            raise Refusal(str(self.path), what, do)

    def _unseal(self, sealed: bytes) -> bytes:
        try:
            return self._password.try_each(lambda word: ansible_vault.unseal(sealed, word))
        except ansible_vault.NoVault as error:
            do = "Put it back from Git or a copy."
            raise Refusal(str(self.path), "is no Ansible vault, or is damaged", do) from error
        except ansible_vault.WrongPassword as error:
            what = f"does not open with the password in {self._password.where}"
            do = "Put the right password there; it came with the fleet's directory."
            raise Refusal(str(self.path), what, do) from error

    def _write(self, values: Mapping[str, str]) -> None:
        password = self._password.for_writing(new_vault=not self.path.exists())
        sealed = ansible_vault.seal(_print(values).encode(), password)
        write_atomically(self.path, sealed, mode=0o600)


def _shapes(value: str) -> Iterator[str]:
    """How files spell a secret: whole, in TOML, line by line; of one in JSON, each of its texts."""
    yield from (value, toml(value)[1:-1], *value.splitlines())
    try:
        found = json.loads(value)
    except ValueError:
        return
    if isinstance(found, dict):
        yield from (text for text in found.values() if isinstance(text, str))


def _maker(path: str) -> Callable[[], str] | None:
    match path.split("."):
        case ["fleet", name]:
            return keys.OF_FLEET.get(name)
        case ["pods", _, name]:
            return keys.OF_POD.get(name)
    return None


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class _Dumper(yaml.SafeDumper):
    """Keys in PEM as readable blocks."""


def _represent(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _represent)


def _print(values: Mapping[str, str]) -> str:
    return yaml.dump(dict(values), Dumper=_Dumper, allow_unicode=True, width=1000)


def _parse(path: Path, plain: bytes) -> dict[str, str]:
    # BaseLoader: everything is text, also a password that somebody wrote as 0123.
    found = yaml.load(plain, Loader=yaml.BaseLoader) or {}
    if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()):
        return found
    do = "Mend it with `ansible-vault edit`."
    raise Refusal(str(path), "holds something other than `path: value` lines", do)
