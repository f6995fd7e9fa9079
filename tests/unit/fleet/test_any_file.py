"""Whatever a fleet file says, it loads or is refused with lines: it is never our bug."""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import Refusals
from provision.fleet.diaspora_toml import flatten
from provision.fleet.loading import load_file
from provision.fleet.reading import INVENTORIES

GOOD = tomllib.loads((INVENTORIES / "community-fleet" / "fleet.toml").read_text())
LINE = re.compile(r".*\.toml:\d+: .+\. .+\Z", re.DOTALL)

scalars = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.times(),
    st.datetimes(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(table: dict[str, Any]) -> list[tuple[str, ...]]:
    """Every key of the file, tables too."""
    leaves = [path for path, _ in flatten(table)]
    return sorted({path[:length] for path in leaves for length in range(1, len(path) + 1)})


def replaced(table: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    key, *rest = path
    inner = replaced(table[key], tuple(rest), value) if rest else value
    return table | {key: inner}


def load(text: bytes) -> Iterator[str]:
    """What loading says about a file with that text."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "fleet.toml"
        file.write_bytes(text)
        try:
            load_file(file)
        except Refusals as refused:
            yield from map(str, refused.errors)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(places(GOOD)), values)
def test_any_value_at_any_place(path: tuple[str, ...], value: Any) -> None:
    text = tomlkit.dumps(replaced(GOOD, path, value)).encode()
    for said in load(text):
        assert LINE.match(said)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(places(GOOD)), st.text(st.characters(codec="utf-8")), values)
def test_any_key_at_any_place(path: tuple[str, ...], key: str, value: Any) -> None:
    text = tomlkit.dumps(replaced(GOOD, path, {key: value})).encode()
    for said in load(text):
        assert LINE.match(said)


@settings(max_examples=30, deadline=None)
@given(st.binary())
def test_any_bytes(text: bytes) -> None:
    for said in load(text):
        assert LINE.match(said)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_file_cut_anywhere(data: st.DataObject) -> None:
    text = (INVENTORIES / "community-fleet" / "fleet.toml").read_bytes()
    for said in load(text[: data.draw(st.integers(0, len(text)))]):
        assert LINE.match(said)
