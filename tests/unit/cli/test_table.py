"""The table of verbs: every promised verb is there, has words, and takes what it must."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest
import typer

from provision import places
from provision.cli.application import application
from provision.cli.options import Takes
from provision.cli.table import GROUPS, VERBS, Verb

PROMISED = """
init validate plan build up launch configure status verify canary probe follow logs exec export
retire schema upgrade rollback releases history observe peers
"""
PROMISED_IN_GROUPS = {
    "lab": "up down info ssh kill boot cut heal",
    "secrets": "show set rotate",
}
WIDTH = 80


def podfleet(*argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "provision.cli", *argv],
        cwd="/",
        env={"PYTHONPATH": str(places.CHECKOUT), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_promised_verb_is_in_the_table() -> None:
    names = {verb.name for verb in VERBS}
    assert names >= set(PROMISED.split())
    for group, verbs in PROMISED_IN_GROUPS.items():
        assert names >= {f"{group} {verb}" for verb in verbs.split()}


def test_no_verb_is_there_twice() -> None:
    names = [verb.name for verb in VERBS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_has_words(verb: Verb) -> None:
    first = (verb.run.__doc__ or "").strip().splitlines()[0]
    assert first.endswith(".")
    # What does not fit beside the name is cut off in the list of verbs.
    assert len(first) <= WIDTH - 15, f"{len(first)} characters: {first}"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_takes_a_fleet_unless_it_needs_none(verb: Verb) -> None:
    needs_none = verb.name in ("init", "schema", "probe")
    assert bool(verb.takes & (Takes.FLEET | Takes.FLEET_OPTION)) is not needs_none


@pytest.mark.parametrize("name", ["up", "launch", "configure"])
def test_verbs_that_act_can_be_tried_dry(name: str) -> None:
    (verb,) = [verb for verb in VERBS if verb.name == name]
    assert verb.takes & Takes.ACTS == Takes.ACTS


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_option_has_help(verb: Verb) -> None:
    current = typer.main.get_command(application())
    for word in verb.name.split():
        current = current.commands[word]  # type: ignore[attr-defined]
    assert current.params or verb.name in ("schema", "lab")
    for each in current.params:
        assert getattr(each, "help", None), each.name


def test_help_of_a_verb_is_shown() -> None:
    done = podfleet("lab", "ssh", "--help")
    assert done.returncode == 0 and done.stdout.startswith("Usage: podfleet lab ssh ")


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((places.CHECKOUT / "pyproject.toml").read_text())["project"]
    assert podfleet("--version").stdout == f"podfleet {project['version']}\n"


def test_groups_have_verbs() -> None:
    for group in GROUPS:
        assert any(verb.name.startswith(f"{group} ") for verb in VERBS)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['podfleet', '--help'];"
        "from provision.cli.__main__ import main; code = main();"
        "heavy = {'rich', 'pydantic', 'ansible', 'yaml', 'jinja2', 'pytest'} & set(sys.modules);"
        "sys.exit(code or ','.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PYTHONPATH": str(places.CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_table_makes_an_application() -> None:
    assert application().registered_commands


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["bogus"], "No such command"),
        (["status", "--bogus"], "No such option"),
        (["logs"], "Missing argument"),
        (["status", "one", "--fleet", "other"], "--fleet: two fleets are named"),
        (["secrets", "set", "alpha", "mail.smtp.password", "hunter2"], "unexpected extra argument"),
    ],
)
def test_a_wrong_command_line_exits_2(argv: list[str], words: str) -> None:
    done = podfleet(*argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_an_unknown_fleet_is_refused_with_the_known_ones() -> None:
    done = podfleet("status", "no-such-fleet")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("no-such-fleet: there is no such fleet. ")
    assert "single-vps" in done.stderr
