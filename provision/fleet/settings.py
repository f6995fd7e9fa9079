"""A pod's diaspora* settings: which there are, of which kind, and which may stand in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from provision.errors import Refusal
from provision.fleet.complaints import closest
from provision.fleet.diaspora_toml import flatten
from provision.fleet.fields import shown
from provision.fleet.model import Fleet
from provision.fleet.renaming import name_in, words_of_another_series
from provision.fleet.secrets import Vault
from provision.fleet.series import Setting, load_settings

# What stands for the fleet in a pod's place, and the secrets that it is given.
FLEET = "fleet"
OF_FLEET = ("alert_mail_password", "alert_webhook")
Path = tuple[str, ...]
Words = tuple[str, str]
Refuse = Callable[[Path, str, str], None]


def check_settings(pod: str, release: str, tables: Mapping[str, Any], refuse: Refuse) -> None:
    """Tells `refuse` each setting that the release does not know, or that has no place here.

    `pod` is what stands for it on the command line: `--fleet NAME POD`.
    """
    known, stated = load_settings(release), dict(flatten(tables))
    values = {".".join(path): value for path, value in stated.items()}
    for path, value in stated.items():
        name = ".".join(path)
        foreign = words_of_another_series(name, release, values) if name not in known else None
        if wrong := _in_quotes(path) or foreign or _wrong(pod, known, name, value):
            refuse(path, *wrong)


def set_secret(fleet: Fleet, vault: Vault, pod: str, path: str, value: str) -> str:
    """Keeps a pod's secret setting in the vault, or the fleet's own; the path that it has there."""
    if pod == FLEET and FLEET not in fleet.pods:
        return _set_of_fleet(vault, path, value)
    if pod not in fleet.pods:
        do = f"Name one of {', '.join(fleet.pods)}."
        raise Refusal(str(fleet.file), f"there is no pod {pod!r}", do)
    known = load_settings(fleet.pods[pod].release)
    now, _ = name_in(path, fleet.pods[pod].release)
    if path not in known and now in known:
        raise Refusal(path, f"is called {now} by now", "Give it under that name.")
    if path not in known:
        raise Refusal(path, *_unknown(path, {p: s for p, s in known.items() if s.secret}))
    if not known[path].secret:
        do = f"Write it into [pods.{pod}.diaspora] of {fleet.file}."
        raise Refusal(path, "is no secret: it belongs into the fleet file", do)
    return _keep(vault, f"pods.{pod}.settings.{path}", path, value)


def _set_of_fleet(vault: Vault, path: str, value: str) -> str:
    if path not in OF_FLEET:
        do = f"Name one of {', '.join(OF_FLEET)}."
        raise Refusal(path, "is no secret of the fleet's that is given", do)
    return _keep(vault, f"{FLEET}.{path}", path, value)


def _keep(vault: Vault, where: str, path: str, value: str) -> str:
    if not value:
        raise Refusal(path, "the value is empty", "Give it on standard input.")
    vault.set(where, value)
    return where


def _in_quotes(path: Path) -> Words | None:
    """diaspora* would look for a table, and find a key of its own with a dot in it."""
    if not any("." in key for key in path):
        return None
    return "a dot in quotes leads to no table", f"Write {'.'.join(path)} without them."


def _wrong(pod: str, known: Mapping[str, Setting], path: str, value: Any) -> Words | None:
    setting = known.get(path)
    if setting is None:
        return _unknown(path, known)
    if setting.owned:
        return "podfleet decides this", f"Leave it out: {setting.owned}."
    if setting.secret:
        do = f"Take it out and run `podfleet secrets set {pod} {path}`."
        return "is a secret, and fleet files go into Git", do
    if not setting.accepts(value):
        return f"{shown(value)} will not do", f"Write {setting.wanted}."
    return None


def _unknown(path: str, known: Mapping[str, Setting]) -> Words:
    below = sorted(each for each in known if each.startswith(f"{path}."))
    if below:
        return "is a table", f"Write one of its settings: {', '.join(below)}."
    if meant := _meant(path, known):
        return "diaspora* has no such setting", f"Did you mean {meant}?"
    tables = sorted({each.rpartition(".")[0] for each in known})
    beside = sorted(each for each in known if each.rpartition(".")[0] == path.rpartition(".")[0])
    return "diaspora* has no such setting", f"Known: {', '.join(beside or tables)}."


def _meant(path: str, known: Mapping[str, Setting]) -> str | None:
    """The closest setting of the same table, else of any, else the same name elsewhere."""
    table, _, key = path.rpartition(".")
    beside = {each.rpartition(".")[2]: each for each in known if each.rpartition(".")[0] == table}
    if found := closest(key, beside):
        return beside[found]
    same_name = [each for each in known if each.rpartition(".")[2] == key]
    return same_name[0] if len(same_name) == 1 else closest(path, known, at_least=0.8)
