"""The table of verbs as a Typer application; the shared options become parts of a signature."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from provision.cli.asked import Asked
from provision.cli.next_commands import words_below
from provision.cli.options import shared_options
from provision.cli.output import Output
from provision.cli.table import GROUPS, VERBS, Verb
from provision.errors import PodfleetError, UsageError
from provision.places import CHECKOUT

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
ABOUT = "Stands diaspora* pods up on your servers, and watches whether they federate."


def application() -> typer.Typer:
    """Every verb of the table, ready to be called."""
    app = _typer(ABOUT)
    groups = {name: _typer(text) for name, text in GROUPS.items()}
    for verb in VERBS:
        group, _, name = verb.name.rpartition(" ")
        parent = groups[group] if group else app
        parent.command(name, context_settings=SETTINGS)(_command(verb))
    for name, group_app in groups.items():
        app.add_typer(group_app, name=name)
    app.callback()(_root)
    return app


def _say_version(wanted: bool) -> None:
    if wanted:
        stated = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
        print(f"podfleet {stated['project']['version']}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say the version, and end."
        ),
    ] = False,
) -> None:
    pass


_root.__doc__ = ABOUT


def _typer(text: str) -> typer.Typer:
    return typer.Typer(
        help=text,
        rich_markup_mode=None,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings=SETTINGS,
    )


def _command(verb: Verb) -> Callable[..., Any]:
    """The verb's function behind a signature of its own options and the shared ones."""
    shared = shared_options(verb.takes)
    names = {parameter.name for parameter in shared}

    def command(**given: Any) -> Any:
        own = {name: value for name, value in given.items() if name not in names}
        asked = _asked({name: given[name] for name in names})
        try:
            return verb.run(asked, **own)
        except PodfleetError as error:
            for words in words_below([error], asked):
                error.add_note(words)
            raise
        except KeyboardInterrupt as interrupted:
            # Typer would end with the right code, and without a word.
            raise typer.Abort from interrupted

    own = _own_parameters(verb.run)
    parameters = [*own, *shared]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__doc__ = verb.run.__doc__
    return command


def _own_parameters(run: Callable[..., Any]) -> list[inspect.Parameter]:
    """The function's parameters but the first, which is what was asked."""
    hints = get_type_hints(run, include_extras=True)
    own = list(inspect.signature(run).parameters.values())[1:]
    return [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[each.name])
        for each in own
    ]


def _asked(given: dict[str, Any]) -> Asked:
    return Asked(
        output=Output(as_json=bool(given.get("json"))),
        fleet_name=_fleet_name(given.get("fleet"), given.get("fleet_option")),
        pods=tuple(given.get("pods") or ()),
        hosts=tuple(given.get("hosts") or ()),
        dry_run=bool(given.get("dry_run")),
        deep=bool(given.get("deep")),
        yes=bool(given.get("yes")),
    )


def _fleet_name(argument: str | None, option: str | None) -> str | None:
    if "" in (argument, option):
        # An unset variable, as a rule: it shall not mean the lab.
        raise UsageError("--fleet", "the fleet's name is empty", "Name one, or leave it out.")
    if argument and option and argument != option:
        raise UsageError("--fleet", f"two fleets are named, {argument} and {option}", "Name one.")
    return argument or option
