"""The reference of the fleet file, from its JSON Schema: one definition for editors and readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_TABLES = (
    ("fleet", ("fleet",), "[fleet]"),
    ("acme", ("acme",), "[acme]"),
    ("upgrade", ("upgrade",), "[upgrade]"),
    ("monitoring", ("monitoring",), "[monitoring]"),
    ("hosts", ("hosts",), "[hosts.NAME]"),
    ("pods", ("pods",), "[pods.NAME]"),
)


def fleet_page() -> Iterator[str]:
    """Every table and key of a fleet file, then diaspora*'s own settings."""
    from provision.fleet.schema import schema

    whole = schema()
    yield from (
        "# Fleet file",
        "",
        "`inventories/NAME/fleet.toml`, or `fleet.toml` in any directory. Keys in **bold** must be",
        "there. Editors read [fleet.schema.json](../../inventories/fleet.schema.json).",
        "Complete examples: [single-vps](../../inventories/single-vps/fleet.toml),",
        "[community-fleet](../../inventories/community-fleet/fleet.toml).",
        "",
    )
    for key, _, title in _TABLES:
        table = whole["properties"][key]
        yield from _table(title, _one_of_many(table), whole)
    diaspora = _one_of_many(whole["properties"]["pods"])["properties"]["diaspora"]
    yield from ("## [pods.NAME.diaspora]", "", str(diaspora.get("description", "")), "")
    yield from ("| setting | value |", "|---|---|")
    yield from (f"| `{path}` | {_kind(each, whole)} |" for path, each in _settings(diaspora, ""))
    yield ""


def _one_of_many(table: Schema) -> Schema:
    """The table itself, or what each of its named tables looks like."""
    for key in ("additionalProperties", "patternProperties"):
        inner = table.get(key)
        if isinstance(inner, Mapping) and inner:
            return inner if key == "additionalProperties" else next(iter(inner.values()))
    return table


def _table(title: str, table: Schema, whole: Schema) -> Iterator[str]:
    yield from (f"## {title}", "", str(table.get("description", "")), "")
    yield from ("| key | value | default | |", "|---|---|---|---|")
    required = table.get("required", ())
    for key, each in table["properties"].items():
        if key == "diaspora":
            continue
        name = f"**`{key}`**" if key in required else f"`{key}`"
        default = "" if each.get("default") in (None, [], {}) else f"`{each['default']}`"
        yield f"| {name} | {_kind(each, whole)} | {default} | {_words(each)} |"
    yield ""
    for key, each in table["properties"].items():
        for definition in _definitions(each):
            inner = whole["$defs"][definition]
            if "properties" in inner:
                yield from _table(f"`{key}` as a table", inner, whole)


def _definitions(schema: Schema) -> list[str]:
    found = [schema, *schema.get("anyOf", ())]
    return [each["$ref"].rpartition("/")[2] for each in found if "$ref" in each]


def _settings(table: Schema, prefix: str) -> Iterator[tuple[str, Schema]]:
    """Every setting below a table, by its dotted path."""
    for key, each in table.get("properties", {}).items():
        if "properties" in each:
            yield from _settings(each, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", each


def _kind(schema: Schema, whole: Schema) -> str:
    """What to write, in a word or two."""
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{str(schema['const']).lower()}`"
    if "$ref" in schema:
        inner = whole["$defs"][schema["$ref"].rpartition("/")[2]]
        return "table" if "properties" in inner else _kind(inner, whole)
    if "anyOf" in schema:
        kinds = [_kind(each, whole) for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), whole)}"
    kind = schema.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(schema.get("format") or kind)


def _words(schema: Schema) -> str:
    return str(schema.get("description", "")).replace("|", r"\|").replace("\n", " ")
