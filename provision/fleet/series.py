"""The release catalogue: what podfleet knows of each series of diaspora* (0.9, 0.10, …).

One file a series in catalogue/. A release belongs to the newest series that is not newer than it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

# Whose pods can be adopted, though none of its releases can run any more.
OLDEST = "0.7"
CATALOGUE = Path(__file__).parent / "catalogue"
KINDS: Mapping[str, type] = {"text": str, "truth": bool, "number": int, "list": list}


@dataclass(frozen=True)
class Setting:
    """One setting of diaspora*."""

    path: str
    # `text`, `number or false`, …: in the words of the error that refuses another.
    kind: str
    owned: str | None = None
    secret: bool = False
    one_of: tuple[str, ...] = ()

    def accepts(self, value: Any) -> bool:
        """Whether a value is of the setting's kind."""
        if self.one_of:
            return value in self.one_of
        if isinstance(value, list):
            return self.kind == "list" and all(isinstance(item, str) for item in value)
        kinds = self.kind.split(" or ")
        if value is False and "false" in kinds:
            return True
        # bool is an int in Python; it is none in TOML.
        return any(type(value) is KINDS[kind] for kind in kinds if kind in KINDS)

    @property
    def wanted(self) -> str:
        """What to write, in words."""
        if self.one_of:
            return f"one of {', '.join(self.one_of)}"
        return " or ".join(_SAID[kind] for kind in self.kind.split(" or "))


_SAID = {
    "text": "a text in quotes",
    "truth": "true or false",
    "number": "a number without quotes",
    "list": "a list of texts",
    "false": "false",
}


@dataclass(frozen=True)
class Series:
    """One series of releases."""

    name: str
    ruby_abi: str
    settings: Mapping[str, Setting]
    platform_level: int | None = None
    cannot_run: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)


def series_of(release: str) -> Series:
    """What is known of a release's series."""
    known = sorted((_numbers(file.stem), file.stem) for file in CATALOGUE.glob("*.toml"))
    fitting = [name for numbers, name in known if numbers <= _numbers(release)]
    return load_series(fitting[-1] if fitting else known[0][1])


@cache
def load_series(name: str) -> Series:
    """One series of the catalogue, with what it has in common with another filled in."""
    found = tomllib.loads((CATALOGUE / f"{name}.toml").read_text(encoding="utf-8"))
    like, removed = found.pop("like", None), tuple(found.pop("removed", ()))
    settings = dict(load_series(like).settings) if like else {}
    settings = {path: each for path, each in settings.items() if not path.startswith(removed)}
    settings |= {each.path: each for each in _settings(found.pop("settings", {}))}
    return Series(name=name, settings=settings, **found)


def load_settings(release: str) -> Mapping[str, Setting]:
    """The settings that a release knows, by dotted path."""
    return series_of(release).settings


def _settings(table: Mapping[str, Any], above: str = "") -> Iterator[Setting]:
    for key, value in table.items():
        path = f"{above}{key}"
        if isinstance(value, str):
            yield Setting(path, value)
        elif isinstance(value.get("kind"), str):
            one_of = tuple(value.pop("one_of", ()))
            yield Setting(path=path, one_of=one_of, **value)
        else:
            yield from _settings(value, f"{path}.")


def _numbers(version: str) -> tuple[int, ...]:
    """The first two numbers: what makes a series."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
