"""A release's own config/defaults.yml says which settings it knows; podfleet learns them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provision.fleet.learned import learn_settings, learned_settings, looks_secret
from provision.fleet.series import Setting, load_settings
from provision.fleet.settings import check_settings
from provision.lab.rehearsal_source import TREE
from provision.releases.defaults import read_settings
from provision.releases.manifest import read_manifest
from tests.unit.releases.conftest import MANIFEST

DEFAULTS = """
defaults:
  version: {number: "9.9.9.9"}
  settings:
    pod_name: "diaspora*"
    brand_new: "text"
    secretive: {api_token:}
    numbers: 3
    jurisdiction: false
    on: true
    names: [a, b]
    nothing: {}
development:
  settings: {unheard_of: 1}
"""


def read(tmp_path: Path, text: str) -> dict[str, str] | None:
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "defaults.yml").write_text(text)
    return read_settings(tmp_path)


def test_each_default_tells_a_setting_and_its_kind(tmp_path: Path) -> None:
    assert read(tmp_path, DEFAULTS) == {
        "settings.pod_name": "text",
        "settings.brand_new": "text",
        "settings.secretive.api_token": "any",
        "settings.numbers": "number",
        "settings.jurisdiction": "any",
        "settings.True": "truth",
        "settings.names": "list",
    }


@pytest.mark.parametrize(
    "text", ["", "[", "- a", "defaults: 1", "a: 1", "\x00", "!!python/object:os.x {}"]
)
def test_what_tells_nothing_is_no_error(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) is None


def test_a_release_without_defaults_tells_nothing(tmp_path: Path) -> None:
    assert read_settings(tmp_path) is None


def test_the_rehearsal_pod_knows_every_setting_of_the_catalogue_that_it_uses() -> None:
    told = read_settings(TREE)
    assert told is not None
    for path, setting in load_settings("1.0.0.0").items():
        kinds = ("any", *setting.kind.split(" or "))
        assert told.get(path, "any") in kinds, path


def test_a_manifest_without_settings_keeps_its_bytes_and_its_name() -> None:
    assert b"settings" not in MANIFEST.to_bytes()
    assert read_manifest(MANIFEST.to_bytes(), "here").release_id == MANIFEST.release_id


def test_a_manifest_with_settings_is_read_back() -> None:
    manifest = replace(MANIFEST, settings={"settings.brand_new": "text"})
    assert read_manifest(manifest.to_bytes(), "here") == manifest
    assert manifest.release_id != MANIFEST.release_id


def refused(release: str, value: object) -> list[str]:
    found: list[str] = []
    tables = {"settings": {"brand_new": value}}
    check_settings("pod", release, tables, lambda _, what, do: found.append(f"{what}. {do}"))
    return found


def test_a_setting_that_only_the_release_knows_may_stand_in_the_file() -> None:
    assert refused("0.9.7.0", "x") != []
    learn_settings("0.9.7.0", {"settings.brand_new": "text"})
    assert refused("0.9.7.0", "x") == []
    assert refused("0.9.7.0", 1) == ["1 will not do. Write a text in quotes."]
    assert refused("0.9.6.0", "x") != []


def test_the_catalogue_says_more_than_a_default() -> None:
    learn_settings("0.9.7.0", {"environment.url": "any", "settings.brand.api_token": "any"})
    known = load_settings("0.9.7.0")
    assert known["environment.url"].owned
    assert known["settings.brand.api_token"].secret


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("a.password", True),
        ("a.api_token", True),
        ("mail.smtp.secret", True),
        ("s3.key", True),
        ("settings.monkey", False),
        ("token.size", False),
        ("settings.keyword", False),
    ],
)
def test_what_looks_like_a_secret_goes_into_the_vault(path: str, secret: bool) -> None:
    assert looks_secret(path) is secret


@pytest.mark.parametrize("value", ["x", 1, True, False, ["a"]])
def test_a_setting_of_unknown_kind_takes_any(value: object) -> None:
    assert Setting("x", "any").accepts(value)


@pytest.mark.parametrize("value", [1.5, {"a": 1}, [1], None])
def test_but_nothing_that_no_setting_is(value: object) -> None:
    assert not Setting("x", "any").accepts(value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
def test_damaged_memory_is_none(content: bytes, tmp_path: Path) -> None:
    place = tmp_path / "cache" / "settings"
    place.mkdir(parents=True)
    (place / "0.9.7.0.json").write_bytes(content)
    assert learned_settings("0.9.7.0") == {}
