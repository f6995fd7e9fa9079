"""The JSON Schema of fleet files, for editors: made from the model and the release catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provision import places
from provision.fleet.diaspora_toml import nested
from provision.fleet.model import About, Acme, Host, Pod, Upgrades
from provision.fleet.monitoring import Monitoring
from provision.fleet.series import Setting, load_settings
from provision.fleet.table import Table

FILE = places.CHECKOUT / "inventories" / "fleet.schema.json"
# Whose settings editors offer; loading measures each pod by its own release.
RELEASE = "0.9"
NAME = "^[a-z][a-z0-9]{0,15}$"
_KINDS = {"text": "string", "truth": "boolean", "number": "integer"}


def schema_text() -> str:
    """The schema as it stands in inventories/fleet.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """What a fleet file may say, as far as a schema can tell."""
    pod, host = _table(Pod), _table(Host)
    source = pod["properties"]["source"]
    pod["properties"]["source"] = {
        "description": source.pop("description"),
        "anyOf": [{"type": "string"}, {"$ref": "#/$defs/Source"}],
    }
    diaspora = nested({path: _setting(each) for path, each in _offered().items()})
    pod["properties"]["diaspora"] = {
        "description": pod["properties"]["diaspora"]["description"],
        **_settings_table(diaspora),
    }
    monitoring = _table(Monitoring)
    definitions = pod.pop("$defs") | monitoring.pop("$defs")
    acme = _table(Acme)
    acme["required"] = []
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "podfleet's fleet file",
        "type": "object",
        "additionalProperties": False,
        "required": ["hosts", "pods"],
        "properties": {
            "fleet": _table(About),
            "acme": acme,
            "upgrade": _table(Upgrades),
            "monitoring": monitoring,
            "hosts": _named(host),
            "pods": _named(pod),
        },
        "$defs": definitions,
    }


def write_schema(file: Path = FILE) -> None:
    """Brings the file that the examples name up to date."""
    file.write_text(schema_text(), encoding="utf-8")


def _offered() -> Mapping[str, Setting]:
    known = load_settings(RELEASE).items()
    return {path: each for path, each in known if not each.owned and not each.secret}


def _table(model: type[Table]) -> dict[str, Any]:
    """A model as its table in the file, whose name stands in the table's header."""
    made = model.model_json_schema()
    made["properties"].pop("name", None)
    made["required"] = [key for key in made.get("required", ()) if key != "name"]
    for field in made["properties"].values():
        field.pop("title", None)
    return made


def _named(table: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "patternProperties": {NAME: table},
        "additionalProperties": False,
        "minProperties": 1,
    }


def _setting(setting: Setting) -> dict[str, Any]:
    if setting.one_of:
        return {"type": "string", "enum": list(setting.one_of)}
    if setting.kind == "list":
        return {"type": "array", "items": {"type": "string"}}
    choices = [{"type": _KINDS[kind]} for kind in setting.kind.split(" or ") if kind in _KINDS]
    if "false" in setting.kind.split(" or "):
        return {"anyOf": [*choices, {"const": False}]}
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _settings_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Tables of settings; a leaf is told by its saying what it is."""
    properties = {
        key: value if {"type", "anyOf"} & value.keys() else _settings_table(value)
        for key, value in table.items()
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}
