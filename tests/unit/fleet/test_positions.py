"""The line of a key is the line it stands on, whatever stands around it."""

from __future__ import annotations

import tomllib
from typing import Any

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.fleet.positions import Positions

keys = st.text(st.characters(codec="utf-8"), min_size=1)
values = st.one_of(st.text(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.lists(st.text()))
tables: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    keys, st.one_of(values, st.dictionaries(keys, values))
)


@settings(max_examples=50, deadline=None)
@given(tables)
def test_every_key_stands_on_its_line(table: dict[str, Any]) -> None:
    text = tomlkit.dumps(table)
    assert tomllib.loads(text) == table
    positions = Positions(text)
    lines = [f"{line}\n" for line in text.split("\n")]
    for key, value in table.items():
        if not isinstance(value, dict):
            rest = "".join(lines[positions.line((key,)) - 1 :])
            assert next(iter(tomllib.loads(rest).items())) == (key, value)


def test_the_nearest_table_stands_for_what_is_missing() -> None:
    positions = Positions("[a]\n\n[a.b]\nc = 1\n")
    assert positions.line(("a", "b", "missing")) == 3
    assert positions.line(("a", "missing")) == 1
    assert positions.line(("missing",)) == 1


def test_a_line_ends_where_toml_says() -> None:
    positions = Positions('# one\u2028two\n[a]\nb = "c\x85d" # e\u2029f\nc = 1\n')
    assert positions.line(("a",)) == 2
    assert positions.line(("a", "c")) == 4
