"""Values with quotes, newlines, `$()`, `{{ }}` and umlauts come out as the text they are."""

from __future__ import annotations

import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provision import quoting
from provision.errors import Refusal

NASTY = ['"', "'", "\\", "$(reboot)", "`id`", "{{ 7*7 }}", "ü€𝄞", "a\nb", "%h", "#{1+1}", "a;b"]


@pytest.mark.parametrize("value", NASTY)
def test_toml_reads_back_what_was_written(value: str) -> None:
    assert tomllib.loads(f"a = {quoting.toml(value)}") == {"a": value}


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_toml_takes_any_text(value: str) -> None:
    key = quoting.toml_key(value)
    assert tomllib.loads(f"{key} = {quoting.toml(value)}") == {value: value}


def test_toml_takes_tables_and_lists() -> None:
    value = {"a b": [1, True, 2.5, "x"], "c": {"d": "e"}}
    assert tomllib.loads(f"a = {quoting.toml(value)}") == {"a": value}


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_yaml_takes_any_text(value: str) -> None:
    written = quoting.yaml([value])
    assert written.isascii()
    assert written.isprintable()
    assert yaml.safe_load(written) == [value]


def test_yaml_has_no_surrogates() -> None:
    """Go's reader and Ruby's refuse them."""
    assert quoting.yaml("𝄞") == r'"\U0001D11E"'


@pytest.mark.parametrize(
    "quote", [quoting.line, quoting.systemd, quoting.nginx, quoting.postgresql]
)
@pytest.mark.parametrize("value", ["a\nb", "a\rb", "\x00", ""])
def test_what_would_leave_its_line_is_refused(quote: object, value: str) -> None:
    with pytest.raises(Refusal):
        quote(value)  # type: ignore[operator]


def test_nginx_refuses_a_variable() -> None:
    with pytest.raises(Refusal, match="nginx cannot take"):
        quoting.nginx("$host")


def test_systemd_expands_nothing() -> None:
    assert quoting.systemd('a "b" %h $HOME \\') == '"a \\"b\\" %%h $$HOME \\\\"'


def test_postgresql_doubles_its_quote() -> None:
    assert quoting.postgresql("o'ne") == "'o''ne'"


def test_ruby_interpolates_nothing() -> None:
    assert quoting.ruby("a'#{1}\\") == "'a\\'#{1}\\\\'"
