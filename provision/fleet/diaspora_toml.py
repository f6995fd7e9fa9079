"""Writes a pod's diaspora.toml: what the fleet file passes through, what podfleet owns, secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provision.quoting import toml, toml_key

HEAD = """\
# Made by podfleet from the fleet file and its vault. What is changed here is lost with the next
# `podfleet configure`: change the fleet file.
"""
Path = tuple[str, ...]


def render_diaspora_toml(
    tables: Mapping[str, Any], owned: Mapping[str, Any], secrets: Mapping[str, str]
) -> str:
    """The file's text: `tables` nested as in the fleet file, `owned` and `secrets` by dotted path.

    What podfleet owns wins over everything else. The same settings give the same text.
    """
    settings = dict(flatten(tables))
    for more in (secrets, owned):
        settings.update({tuple(path.split(".")): value for path, value in more.items()})
    blocks: dict[Path, list[str]] = {}
    for path, value in sorted(settings.items()):
        # Nothing follows the value: server.rails_environment is read by a regular expression.
        line = f"{toml_key(path[-1])} = {toml(value)}\n"
        blocks.setdefault(("configuration", *path[:-1]), []).append(line)
    return HEAD + "".join(_block(path, lines) for path, lines in sorted(blocks.items()))


def flatten(tables: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each setting of nested tables with its path; an empty table says nothing."""
    for key, value in tables.items():
        path = (*above, key)
        if isinstance(value, Mapping):
            yield from flatten(value, path)
        else:
            yield path, value


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The other way round: tables of settings by dotted path."""
    tables: dict[str, Any] = {}
    for path, value in settings.items():
        *above, key = path.split(".")
        table = tables
        for name in above:
            table = table.setdefault(name, {})
        table[key] = value
    return tables


def _block(path: Path, lines: list[str]) -> str:
    return f"\n[{'.'.join(map(toml_key, path))}]\n{''.join(lines)}"
