"""The settings that a release knows, read out of its own config/defaults.yml while it is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from provision.fleet.diaspora_toml import flatten

# What every file has once, whatever the environment; not a setting: the release's own number.
TABLE, VERSION = "defaults", "version"
_KINDS: Mapping[type, str] = {str: "text", int: "number", list: "list"}


def read_settings(tree: Path) -> dict[str, str] | None:
    """The kind of each setting by dotted path; None where the release tells none."""
    try:
        found = yaml.safe_load((tree / "config" / "defaults.yml").read_bytes())
    except (OSError, yaml.YAMLError):
        return None
    table = found.get(TABLE) if isinstance(found, Mapping) else None
    if not isinstance(table, Mapping):
        return None
    stated = {str(key): value for key, value in table.items() if key != VERSION}
    return {".".join(map(str, path)): _kind(value) for path, value in flatten(stated)}


def _kind(value: Any) -> str:
    """`false` and nothing stand for values of any kind: `terms.jurisdiction: false`."""
    return "truth" if value is True else _KINDS.get(type(value), "any")
