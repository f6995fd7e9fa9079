"""diaspora.toml says exactly what the fleet file says, whatever characters are in it."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.fleet.diaspora_toml import render_diaspora_toml

OWNED = {"environment.url": "https://pod.example.org/", "server.rails_environment": "production"}
texts = st.text(st.characters(codec="utf-8"))
keys = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1)
numbers = st.integers(-(2**63), 2**63 - 1)
values = st.one_of(texts, st.booleans(), numbers, st.lists(texts))
tables: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(keys, values, min_size=1),
    lambda inner: st.dictionaries(keys, inner, min_size=1),
)


def configuration(text: str) -> Any:
    return tomllib.loads(text).get("configuration", {})


@settings(max_examples=40, deadline=None)
@given(tables)
def test_every_setting_survives(stated: dict[str, Any]) -> None:
    assert configuration(render_diaspora_toml(stated, {}, {})) == stated


@pytest.mark.parametrize(
    "value",
    [
        """it's "quoted" \\ and \\n""",
        "two\nlines\r\n\tand a tab",
        "$(touch /tmp/owned) `id` ${HOME} $HOME",
        "{{ 7 * 7 }} {% raw %} <%= 7 * 7 %> #{7 * 7} %{username}",
        "Grüße – 日本語 🦄",
        '"""',
        "'''",
        "\x00\x1f\x7f\x85\u2028",
    ],
)
def test_a_hostile_text_is_only_a_text(value: str) -> None:
    text = render_diaspora_toml(
        {"settings": {"pod_name": value}}, {}, {"mail.smtp.password": value}
    )
    assert configuration(text) == {
        "settings": {"pod_name": value},
        "mail": {"smtp": {"password": value}},
    }


def test_what_podfleet_owns_wins() -> None:
    text = render_diaspora_toml({"environment": {"url": "https://other.example.org/"}}, OWNED, {})
    assert configuration(text)["environment"]["url"] == OWNED["environment.url"]


def test_nothing_follows_the_rails_environment() -> None:
    assert '\nrails_environment = "production"\n' in render_diaspora_toml({}, OWNED, {})


def test_the_order_of_the_settings_does_not_matter() -> None:
    one = {"settings": {"pod_name": "a", "bitcoin_address": "b"}, "mail": {"enable": False}}
    other = {"mail": {"enable": False}, "settings": {"bitcoin_address": "b", "pod_name": "a"}}
    assert render_diaspora_toml(one, OWNED, {}) == render_diaspora_toml(other, OWNED, {})
