"""The settings of a pod that podfleet did not make: its old diaspora.yml or diaspora.toml.

Whatever cannot go into the fleet file as it stands is named with the reason, never dropped
silently.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from provision.errors import Refusal, Refusals
from provision.fleet.diaspora_toml import flatten, nested
from provision.fleet.model import Fleet, Pod
from provision.fleet.renaming import name_in
from provision.fleet.secrets import Vault
from provision.fleet.series import Setting, load_series, load_settings
from provision.fleet.settings_checks import check_together, reserved_name
from provision.fleet.toml_edit import add_settings

TARGET = "0.9"
# By what its configuration ends in, the series of an old pod.
SERIES = {".yml": "0.7", ".toml": "0.9"}


@dataclass(frozen=True)
class Adopted:
    """What an old configuration says, sorted by where it belongs."""

    # Of environment.url: the name that the pod must keep.
    domain: str | None
    # For [pods.<pod>.diaspora].
    tables: Mapping[str, Any]
    # For the vault, by dotted path; kept out of every repr.
    secrets: Mapping[str, str]
    # What is left behind, by dotted path, and why.
    left: Mapping[str, str]
    # What else becomes of a pod of that age.
    told: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Adopted({self.domain!r}, secrets={sorted(self.secrets)})"


def adopt_settings(old: Path, release: str = TARGET) -> Adopted:
    """Reads an old configuration as settings of `release`."""
    found = {".".join(path): value for path, value in _stated(old) if value is not None}
    url = found.get("environment.url")
    domain = urlsplit(url).hostname if isinstance(url, str) else None
    renamed, gone = _renamed(found, release)
    known = load_settings(release)
    left = gone | {
        path: why for path, value in renamed.items() if (why := _why_left(known.get(path), value))
    }
    kept = {path: value for path, value in renamed.items() if path not in left}
    secret = {path: str(value) for path, value in kept.items() if known[path].secret}
    tables = nested({path: value for path, value in kept.items() if path not in secret})
    told = load_series(SERIES.get(old.suffix, TARGET)).adopted
    return Adopted(domain, tables, secret, left, told)


def take_settings(fleet: Fleet, vault: Vault, pod: Pod, old: Path) -> Adopted:
    """Writes an old pod's settings into the fleet file and the vault; what is there stays.

    Refused, with nothing written, where the old configuration is another pod's, and where the
    fleet file could not be loaded with it.
    """
    adopted = adopt_settings(old, pod.release)
    if adopted.domain not in (None, pod.domain):
        what = f"{old} is of {adopted.domain}, and a pod keeps its domain"
        do = f'Write domain = "{adopted.domain}", or give the right file.'
        raise Refusal(f"{fleet.file}: pods.{pod.name}.domain", what, do)
    _check_together(fleet, pod, old, adopted.tables)
    if adopted.tables:
        add_settings(fleet.file, pod.name, adopted.tables)
    kept = vault.pod_settings(pod)
    new = {path: value for path, value in adopted.secrets.items() if path not in kept}
    if new:
        vault.update({f"pods.{pod.name}.settings.{path}": value for path, value in new.items()})
    return adopted


def _check_together(fleet: Fleet, pod: Pod, old: Path, tables: Mapping[str, Any]) -> None:
    """What the fleet file states wins, so that is where each of these is mended."""
    stated = {
        ".".join(path): value for each in (tables, pod.diaspora) for path, value in flatten(each)
    }
    meant = pod.model_copy(update={"diaspora": nested(stated)})
    where, errors = f"{fleet.file}: pods.{pod.name}", list[Refusal]()

    def refuse(path: tuple[str, ...], what: str, do: str) -> None:
        name = ".".join(path)
        errors.append(Refusal(f"{where}.diaspora.{name} (with {old})", what, do))

    check_together(meant, fleet.hosts.get(pod.host), refuse)
    if wrong := reserved_name(meant):
        errors.append(Refusal(f"{where}.admin.username (with {old})", *wrong))
    if errors:
        raise Refusals(errors)


def _stated(old: Path) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every setting; those for production alone come last and so decide."""
    document = _read(old)
    for section in ("configuration", "production"):
        if isinstance(table := document.get(section), Mapping):
            yield from flatten(table)


def _read(old: Path) -> Mapping[str, Any]:
    do = "Give the pod's own config/diaspora.yml or config/diaspora.toml."
    try:
        text = old.read_text(encoding="utf-8")
        found = tomllib.loads(text) if old.suffix == ".toml" else yaml.safe_load(text)
    except OSError as error:
        raise Refusal(str(old), f"cannot be read: {error.strerror}", do) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise Refusal(str(old), f"is no configuration: {_where(error)}", do) from error
    if isinstance(found, Mapping) and "configuration" in found:
        return found
    raise Refusal(str(old), "has no `configuration`", do)


def _where(error: Exception) -> str:
    """The error without the text around it, which may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}" if mark else str(error).splitlines()[0]


def _renamed(found: Mapping[str, Any], release: str) -> tuple[dict[str, Any], dict[str, str]]:
    renamed, gone = {}, {}
    for path, value in found.items():
        now, why = name_in(path, release)
        if why:
            gone[path] = why
        else:
            renamed[now] = value
    return renamed, gone


def _why_left(setting: Setting | None, value: Any) -> str | None:
    if setting is None:
        return "diaspora* has no such setting any more"
    if setting.owned:
        return setting.owned
    if setting.accepts(value):
        return None
    return f"{'its value' if setting.secret else repr(value)} is not {setting.wanted}"
