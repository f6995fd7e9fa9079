"""Editors are told what loading accepts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from provision.fleet.reading import FILE_NAME, INVENTORIES
from provision.fleet.schema import FILE, schema, schema_text

EXAMPLES = sorted(INVENTORIES.glob(f"*/{FILE_NAME}"))
# Errors that a schema can see; the others need the file system or several tables at once.
BAD = ("hosts", "pods", "settings", "unknown_tables", "not_tables", "lines", "fleet_and_acme")


def errors(text: str) -> list[Any]:
    validator = jsonschema.Draft202012Validator(schema())
    return list(validator.iter_errors(tomllib.loads(text)))


def test_the_schema_in_the_tree_is_current() -> None:
    assert FILE.read_text() == schema_text(), (
        "run: ./podfleet schema > inventories/fleet.schema.json"
    )


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_every_example_keeps_it(file: Path) -> None:
    assert errors(file.read_text()) == []


@pytest.mark.parametrize("name", BAD)
def test_it_refuses_what_loading_refuses(name: str) -> None:
    assert errors((Path(__file__).parent / "bad" / f"{name}.toml").read_text())


def test_it_offers_no_setting_that_has_no_place_in_the_file() -> None:
    text = schema_text()
    assert '"pod_name"' in text
    assert '"password"' not in text and '"rails_environment"' not in text
