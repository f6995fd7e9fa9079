"""The reference of verbs, from the table of verbs and the options as Typer understands them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from provision.cli.application import application
from provision.cli.table import GROUPS, VERBS
from provision.errors import Exit

_EXITS = {
    Exit.DONE: "done, or nothing to do",
    Exit.REFUSED: "refused, or failed safely: nothing is half done that a rerun would not finish",
    Exit.USAGE: "the command line is wrong",
    Exit.BUG: "a fault of podfleet's own; the log that is named belongs into the report",
    Exit.NOT_SAFE: "not safe: podfleet could go neither forward nor back; it says what to do",
    Exit.INTERRUPTED: "interrupted; what was begun on a host goes on there",
}


def verbs_page() -> Iterator[str]:
    """Every verb with its arguments and options, then the exit codes."""
    yield from (
        "# Verbs",
        "",
        "`podfleet VERB [FLEET]`: FLEET is a name below `inventories/` or a path; the lab when",
        "none is named. Verbs with arguments of their own take it as `--fleet`. With `--json`,",
        "standard output is JSON alone; progress goes to standard error.",
        "",
    )
    root = typer.main.get_command(application())
    for verb in VERBS:
        yield from _verb(verb.name, _command(root, verb.name))
    yield from ("## Exit codes", "", "| code | means |", "|---|---|")
    yield from (f"| {int(code)} | {text} |" for code, text in _EXITS.items())


def _command(root: Any, name: str) -> Any:
    command = root
    for word in name.split():
        command = command.commands[word]
    return command


def _verb(name: str, command: Any) -> Iterator[str]:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    usage = " ".join(["podfleet", name, *map(_usage, arguments)])
    yield from (f"## {name}", "", f"`{usage}`", "", str(command.help).strip(), "")
    group = name.split()[0]
    if group in GROUPS and name != group:
        yield from (f"*{GROUPS[group]}*", "")
    rows = [(_usage(each), each.help) for each in arguments]
    rows += [(_option(each), each.help) for each in options]
    if rows:
        yield from ("| | |", "|---|---|")
        yield from (f"| `{left}` | {right} |" for left, right in rows)
        yield ""


def _usage(argument: Any) -> str:
    name = str(argument.metavar or argument.name.upper())
    return name if argument.required else f"[{name}]"


def _option(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return ", ".join(option.opts) + value
