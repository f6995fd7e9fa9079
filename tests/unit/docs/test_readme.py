"""Every command of the README parses, and is tried by a test or known to need a real server."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from provision import places
from provision.cli.application import application

README = (places.CHECKOUT / "README.md").read_text(encoding="utf-8")

# Where each command is run for real: the first words of it, and the test that does.
TRIED = {
    "git clone": "tests/lab/test_launcher.py",
    "podfleet up": "tests/lab/fleet/test_up.py",
    "podfleet plan": "tests/lab/fleet/test_up.py",
    "podfleet status": "tests/lab/fleet/test_up.py",
    "podfleet verify": "tests/lab/fleet/test_verify.py",
    "podfleet canary": "tests/lab/fleet/test_up.py",
    "podfleet lab": "tests/lab/fleet/test_readme.py",
    "podfleet init": "tests/unit/cli/test_verbs.py",
    "podfleet upgrade": "tests/lab/upgrades/test_fleet_order.py",
    "podfleet rollback": "tests/lab/upgrades/test_fleet_order.py",
    "podfleet history": "tests/lab/upgrades/test_fleet_order.py",
    "podfleet releases": "tests/lab/upgrades/test_fleet_order.py",
    "podfleet secrets": "tests/unit/cli/test_verbs.py",
    "podfleet validate": "tests/lab/test_preflight.py",
    "podfleet logs": "tests/lab/fleet/test_readme.py",
    "podfleet exec": "tests/lab/fleet/test_readme.py",
    "podfleet follow": "tests/lab/fleet/test_readme.py",
    "podfleet observe": "tests/lab/monitoring/test_observe.py",
    "podfleet peers": "tests/lab/monitoring/test_observe.py",
    "podfleet export": "tests/lab/fleet/test_readme.py",
    "podfleet launch": "tests/lab/fleet/test_readme.py",
}
NEEDS_A_SERVER = {"podfleet probe": "a pod of the world"}


def commands() -> Iterator[str]:
    for block in re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            yield from (part.strip() for part in line.split("&&"))


COMMANDS = [
    command.removeprefix("sudo ").removeprefix("./")
    for command in commands()
    if not command.startswith("cd ")
]


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 15


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_tried_or_known_to_need_a_server(command: str) -> None:
    words = " ".join(command.split()[:2])
    assert (words in TRIED) is not (words in NEEDS_A_SERVER), words


@pytest.mark.parametrize("test", sorted(set(TRIED.values())))
def test_the_test_that_tries_it_exists(test: str) -> None:
    assert (places.CHECKOUT / test).is_file()


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("podfleet ")])
def test_a_command_parses(command: str) -> None:
    current = typer.main.get_command(application())
    words = shlex.split(command)[1:]
    while words and hasattr(current, "commands"):
        current = current.commands[words.pop(0)]
    with current.make_context("podfleet", words) as context:
        assert context.params is not None


def test_every_screenshot_is_shown_by_a_reader_s_wish_for_light_or_dark() -> None:
    pictures = re.findall(
        r'<picture>\n  <source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)-dark.png">\n'
        r'  <img alt="[^"]+" src="([^"]+)-light.png">\n</picture>',
        README,
    )
    shown = [f"{name}-{scheme}.png" for pair in pictures
             for name, scheme in zip(pair, ("dark", "light"), strict=True)]  # fmt: skip
    there = places.CHECKOUT.glob("docs/screenshots/*.png")
    assert sorted(shown) == sorted(str(path.relative_to(places.CHECKOUT)) for path in there)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^):]+)\)", README))))
def test_a_link_leads_somewhere(target: str) -> None:
    assert (places.CHECKOUT / Path(target)).exists()
