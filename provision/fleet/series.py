"""The release catalogue: what podfleet knows of each series of diaspora* (0.9, 0.10, …).

One file a series in catalogue/. A release belongs to the newest series that is not newer than it.
What is said here of releases and their migrations, upgrades.py asks for.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from provision.fleet.learned import learned_settings, looks_secret

CATALOGUE = Path(__file__).parent / "catalogue"
KINDS: Mapping[str, type] = {"text": str, "truth": bool, "number": int, "list": list}
# Of a setting that a release was seen to have, and whose default says nothing of its kind.
ANY = "any"
# Of a migration: the releases before run on with it, or not, or what it drops is gone besides.
EXPAND, BREAKING, IRREVERSIBLE = "expand", "breaking", "irreversible"


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
            is_list = self.kind in ("list", ANY)
            return is_list and all(isinstance(item, str) for item in value)
        if self.kind == ANY:
            return type(value) in KINDS.values()
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
    ANY: "a text, a number, a list of texts, or true or false",
}


@dataclass(frozen=True)
class Migration:
    """One migration of the catalogue, by the number that its file begins with."""

    version: str
    kind: str
    why: str
    # The release that it came with.
    since: str


@dataclass(frozen=True)
class Acknowledgement:
    """What an operator has to accept before a release runs."""

    id: str
    why: str


@dataclass(frozen=True)
class Known:
    """What is to be known of one release beside its series."""

    version: str
    # No release before this one may be upgraded to it, or past it.
    needs_from: str | None = None
    accept: tuple[Acknowledgement, ...] = ()


@dataclass(frozen=True)
class Series:
    """One series of releases."""

    name: str
    ruby_abi: str
    settings: Mapping[str, Setting]
    # The series that it goes on from.
    like: str | None = None
    platform_level: int | None = None
    cannot_run: str | None = None
    # What is to be said when a pod of this series is adopted into a newer one.
    adopted: tuple[str, ...] = ()
    # The lab's stand-in: nothing of it is to be known of diaspora* itself.
    is_rehearsal: bool = False
    # What the series before it call otherwise, and what they have that this one has not, and why.
    renamed: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)
    migrations: tuple[Migration, ...] = ()
    releases: tuple[Known, ...] = ()

    def why_gone(self, path: str) -> str | None:
        """Why a setting that was there before is none any more."""
        found = (why for name, why in self.gone.items() if f"{path}.".startswith(f"{name}."))
        return next(found, None)


def numbers(version: str) -> tuple[int, ...]:
    """A version by its numbers, so that 0.10 is newer than 0.9, and 0.9.1 as old as 0.9.1.0."""
    found = re.match(r"\d+(\.\d+)*", version)
    parts = [int(number) for number in found[0].split(".")] if found else []
    return (*parts, *[0] * (4 - len(parts)))


def all_series() -> list[Series]:
    """The whole catalogue, oldest series first."""
    names = sorted((file.stem for file in CATALOGUE.glob("*.toml")), key=numbers)
    return [load_series(name) for name in names]


def series_of(release: str) -> Series:
    """What is known of a release's series."""
    known = all_series()
    fitting = [one for one in known if numbers(one.name)[:2] <= numbers(release)[:2]]
    return fitting[-1] if fitting else known[0]


def lineage(series: Series) -> list[Series]:
    """A series after all those that it goes on from."""
    return [*lineage(load_series(series.like)), series] if series.like else [series]


@cache
def load_series(name: str) -> Series:
    """One series of the catalogue, with the settings of the one that it goes on from."""
    found = tomllib.loads((CATALOGUE / f"{name}.toml").read_text(encoding="utf-8"))
    own = {each.path: each for each in _settings(found.pop("settings", {}))}
    migrations = tuple(
        Migration(version, **{"since": f"{name}.0.0", **about})
        for version, about in found.pop("migrations", {}).items()
    )
    releases = tuple(_release(*each) for each in found.pop("releases", {}).items())
    adopted = tuple(found.pop("adopted", ()))
    made = Series(
        name=name,
        settings=own,
        migrations=migrations,
        releases=releases,
        adopted=adopted,
        **found,
    )
    if not made.like:
        return made
    return replace(made, settings=_kept(load_series(made.like), made) | own)


def load_settings(release: str) -> Mapping[str, Setting]:
    """The settings that a release knows, by dotted path: the catalogue's, and its own beside."""
    learned = {
        path: Setting(path, kind, secret=looks_secret(path))
        for path, kind in learned_settings(release).items()
    }
    return {**learned, **series_of(release).settings}


def _kept(before: Series, series: Series) -> dict[str, Setting]:
    """What a series has of the one before it, under the names that it has now."""
    kept = {}
    for path, setting in before.settings.items():
        now = series.renamed.get(path, path)
        if not series.why_gone(path):
            kept[now] = replace(setting, path=now)
    return kept


def _release(version: str, about: Mapping[str, Any]) -> Known:
    accept = tuple(Acknowledgement(**each) for each in about.get("accept", ()))
    return Known(version, about.get("needs_from"), accept)


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
