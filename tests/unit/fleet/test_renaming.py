"""Settings get other names, and go: shown with a catalogue of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provision.errors import Refusal, Refusals
from provision.fleet import series
from provision.fleet.diaspora_toml import nested
from provision.fleet.loading import load_file
from provision.fleet.model import Fleet
from provision.fleet.renaming import fitting_secrets, name_in
from provision.fleet.secrets import Vault
from provision.fleet.settings import check_settings, set_secret
from provision.fleet.upgrades import check_upgrade
from provision.fleet.vault_password import VaultPassword

BASICS = 'ruby_abi = "3.3.0"\nplatform_level = 1\n'
SERIES = {
    "5.0": """
[settings.settings]
colour = "text"
size = "number"
kept = "truth"
key = { kind = "text", secret = true }
lost = { kind = "text", secret = true }
""",
    "5.1": """
like = "5.0"
[renamed]
"settings.colour" = "settings.theme"
"settings.size" = "settings.width"
"settings.key" = "settings.token"
[gone]
"settings.lost" = "it is old"
[settings.settings]
width = "text"
[migrations]
50100000000000 = { kind = "expand", why = "adds a colour" }
[releases."5.1.0.0"]
needs_from = "5.0.2.0"
""",
    "5.2": """
like = "5.1"
[renamed]
"settings.theme" = "appearance.theme"
[releases."5.2.0.0"]
needs_from = "5.1.0.0"
accept = [{ id = "colours", why = "colours are others" }]
""",
    "5.3": """
like = "5.2"
[releases."5.3.0.0"]
needs_from = "5.2.0.0"
""",
    "6.0": "",
    "7.0": "",
}


@pytest.fixture(autouse=True)
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    place = tmp_path / "catalogue"
    place.mkdir()
    for name, text in SERIES.items():
        text = {"6.0": 'ruby_abi = "3.4.0"', "7.0": 'ruby_abi = "3.3.0"\nplatform_level = 999'}.get(
            name, BASICS + text
        )
        (place / f"{name}.toml").write_text(text)
    monkeypatch.setattr(series, "CATALOGUE", place)
    monkeypatch.setenv("PODFLEET_CACHE", str(tmp_path / "cache"))
    series.load_series.cache_clear()
    yield
    series.load_series.cache_clear()
    shutil.rmtree(place)


@pytest.mark.parametrize(
    ("path", "release", "now", "gone"),
    [
        ("settings.colour", "5.0.0.0", "settings.colour", None),
        ("settings.colour", "5.1.0.0", "settings.theme", None),
        ("settings.colour", "5.2.0.0", "appearance.theme", None),
        ("settings.theme", "5.2.0.0", "appearance.theme", None),
        ("settings.colour", "5.9.0.0", "appearance.theme", None),
        ("settings.kept", "5.2.0.0", "settings.kept", None),
        ("settings.lost", "5.2.0.0", "settings.lost", "it is old"),
        ("settings.unheard_of", "5.2.0.0", "settings.unheard_of", None),
    ],
)
def test_a_name_is_followed_through_the_series(
    path: str, release: str, now: str, gone: str | None
) -> None:
    assert name_in(path, release) == (now, gone)


@pytest.mark.parametrize(
    ("release", "values", "said"),
    [
        ("5.0.0.0", {"settings.colour": "red", "settings.size": 3, "settings.kept": True}, []),
        ("5.1.0.0", {"settings.theme": "red", "settings.width": "3"}, []),
        # Two series at once.
        (
            "5.2.0.0",
            {"settings.colour": "red"},
            ["settings.colour: diaspora* has no such setting any more. Write appearance.theme."],
        ),
        # The new name wants a value of another kind.
        (
            "5.1.0.0",
            {"settings.size": 3},
            [
                "settings.size: is called settings.width by now, and 3 will not do there. "
                "Write settings.width instead, a text in quotes."
            ],
        ),
        # Both names.
        (
            "5.1.0.0",
            {"settings.colour": "red", "settings.theme": "blue"},
            [
                "settings.colour: is called settings.theme by now, and that stands there too. "
                "Take this one out."
            ],
        ),
        # The new name, too early, alone and beside the old one.
        (
            "5.0.0.0",
            {"settings.theme": "red"},
            [
                "settings.theme: there is no such setting before diaspora* 5.1, where "
                "settings.colour got that name. Write settings.colour until then."
            ],
        ),
        (
            "5.0.0.0",
            {"settings.theme": "red", "settings.colour": "red"},
            [
                "settings.theme: there is no such setting before diaspora* 5.1, where "
                "settings.colour got that name. Take this one out until then."
            ],
        ),
        (
            "5.1.0.0",
            {"settings.theme": 3},
            ["settings.theme: 3 will not do. Write a text in quotes."],
        ),
        # A secret under its old name: the new one is the vault's as well.
        (
            "5.1.0.0",
            {"settings.key": "x"},
            ["settings.key: diaspora* has no such setting any more. Write settings.token."],
        ),
        (
            "5.3.0.0",
            {"settings.lost": "x"},
            ["settings.lost: diaspora* has no such setting any more. Leave it out: it is old."],
        ),
        (
            "5.1.0.0",
            {"settings.teme": "red"},
            ["settings.teme: diaspora* has no such setting. Did you mean settings.theme?"],
        ),
    ],
)
def test_a_setting_of_another_series_is_refused_with_its_name(
    release: str, values: dict[str, Any], said: list[str]
) -> None:
    found: list[str] = []
    check_settings(
        "pod", release, nested(values), lambda path, *words: found.append(line(path, *words))
    )
    assert found == said


def line(path: tuple[str, ...], what: str, do: str) -> str:
    return f"{'.'.join(path)}: {what}. {do}"


@pytest.mark.parametrize(
    ("release", "kept", "fitting"),
    [
        ("5.0.0.0", {"settings.key": "a"}, {"settings.key": "a"}),
        ("5.2.0.0", {"settings.key": "a"}, {"settings.token": "a"}),
        ("5.2.0.0", {"settings.key": "a", "settings.token": "b"}, {"settings.token": "b"}),
        ("5.2.0.0", {"settings.lost": "a"}, {}),
        # A release from before the new name is given what the vault has.
        ("5.0.0.0", {"settings.token": "b"}, {"settings.token": "b"}),
    ],
)
def test_the_vaults_settings_follow_their_names(
    release: str, kept: dict[str, str], fitting: dict[str, str]
) -> None:
    assert fitting_secrets(kept, release) == fitting


FLEET = """
[hosts.guest]
provider = "lab"
memory = "2 GiB"
[pods.alpha]
domain = "alpha.lab.test"
host = "guest"
release = "5.0.0.0"
admin = { username = "ada", email = "ada@example.org" }
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    (tmp_path / "fleet.toml").write_text(FLEET)
    return load_file(tmp_path / "fleet.toml")


def test_a_secret_is_kept_under_its_newest_name(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text(FLEET.replace("5.0.0.0", "5.2.0.0"))
    vault = Vault(tmp_path, VaultPassword(tmp_path / "password"))
    with pytest.raises(Refusal, match=r"settings\.key: is called settings\.token by now"):
        set_secret(load_file(tmp_path / "fleet.toml"), vault, "alpha", "settings.key", "x")


@pytest.mark.parametrize(
    ("running", "target", "words"),
    [
        ("5.0.0.0", "5.3.0.0", "Upgrade to 5.0.2.0, then 5.1.0.0, then 5.2.0.0, then 5.3.0.0"),
        ("5.0.9.0", "5.3.0.0", "Upgrade to 5.1.0.0, then 5.2.0.0, then 5.3.0.0"),
        ("5.1.0.0", "5.3.0.0", "Upgrade to 5.2.0.0, then 5.3.0.0"),
        ("5.0.0.0", "6.0.0.0", "cannot run on Debian 13: it needs Ruby 3.4.0"),
        ("5.0.0.0", "7.0.0.0", "needs platform level 999, and this podfleet knows"),
        ("5.0.0.0", "7.0.0.0", "run `podfleet up` with it"),
    ],
)
def test_a_way_that_is_too_long_is_refused(
    fleet: Fleet, running: str, target: str, words: str
) -> None:
    with pytest.raises(Refusals) as caught:
        check_upgrade(fleet, fleet.pods["alpha"], running, target, ["colours"])
    assert words in str(caught.value)
