"""How a value is written in each syntax that templates speak; refuses what a syntax cannot say.

Templates escape nothing by themselves: a value that comes from the fleet file goes through the
filter of the file it is written into.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from provision.errors import Refusal

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_TOML_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_TOML_ESCAPES |= {'"': '\\"', "\\": "\\\\"}


def line(value: object) -> str:
    """The value as it is, where the syntax has no quotes: nothing but one visible line."""
    text = str(value)
    if not text or _CONTROL.search(text):
        raise Refusal(repr(text), "cannot stand in a line of its own", "Use one line of text.")
    return text


def systemd(value: object) -> str:
    """One word of a unit file: quoted, `%` and `$` doubled, so that systemd expands nothing."""
    text = line(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + text.replace("%", "%%").replace("$", "$$") + '"'


def nginx(value: object) -> str:
    """One argument of an nginx directive; nginx has no way to write a plain `$`."""
    text = line(value)
    if "$" in text:
        raise Refusal(repr(text), "nginx cannot take a `$` in a value", "Leave the `$` out.")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def postgresql(value: object) -> str:
    """A value in postgresql.conf, or a string literal of SQL."""
    return "'" + line(value).replace("\\", "\\\\").replace("'", "''") + "'"


def ruby(value: object) -> str:
    """A Ruby string in single quotes, in which Ruby interpolates nothing."""
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def yaml(value: object) -> str:
    """A value in YAML: JSON is YAML, too, but for what JSON escapes as a pair of surrogates."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(one if one < "\x7f" else f"\\U{ord(one):08X}" for one in text)


def toml(value: object) -> str:
    """Any TOML value: text, number, truth, list, or a table (written inline)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(map(_toml_character, value)) + '"'
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml_key(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(toml, value)) + "]"
    raise Refusal(repr(value), "TOML has no such value", "Use text, a number, true or false.")


def toml_key(key: str) -> str:
    """A key of TOML, quoted where it must be."""
    return key if _BARE_KEY.match(key) else toml(key)


def _toml_character(character: str) -> str:
    if character in _TOML_ESCAPES:
        return _TOML_ESCAPES[character]
    return f"\\u{ord(character):04X}" if _CONTROL.match(character) else character


FILTERS: dict[str, Callable[[Any], str]] = {
    "line": line,
    "systemd": systemd,
    "nginx": nginx,
    "postgresql": postgresql,
    "ruby": ruby,
    "yaml": yaml,
    "toml": toml,
    "toml_key": toml_key,
}
