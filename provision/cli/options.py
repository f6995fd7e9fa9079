"""The options that verbs share, each defined once: how it is written, its type, its help."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto
from inspect import Parameter
from typing import Annotated, Any

import typer


class Takes(Flag):
    """Which of the shared options a verb takes."""

    NONE = 0
    FLEET = auto()
    # The fleet as --fleet alone, because the verb has arguments of its own.
    FLEET_OPTION = auto()
    PODS = auto()
    HOSTS = auto()
    JSON = auto()
    DRY_RUN = auto()
    DEEP = auto()
    YES = auto()
    WHERE = FLEET | PODS | HOSTS | JSON
    ACTS = WHERE | DRY_RUN | DEEP | YES


@dataclass(frozen=True)
class Shared:
    """One shared option: the parameter that Typer sees."""

    takes: Takes
    name: str
    annotation: Any
    default: Any

    def parameter(self) -> Parameter:
        return Parameter(
            self.name,
            Parameter.KEYWORD_ONLY,
            default=self.default,
            annotation=self.annotation,
        )


def _option(kind: Any, *names: str, text: str, metavar: str | None = None) -> Any:
    return Annotated[kind, typer.Option(*names, help=text, metavar=metavar)]


_FLEET = "The fleet: a name below inventories/, or a path. The lab when none is named."

SHARED: tuple[Shared, ...] = (
    Shared(
        Takes.FLEET,
        "fleet",
        Annotated[str | None, typer.Argument(metavar="FLEET", help=_FLEET, show_default=False)],
        None,
    ),
    Shared(
        Takes.FLEET | Takes.FLEET_OPTION,
        "fleet_option",
        _option(str | None, "--fleet", metavar="FLEET", text=_FLEET),
        None,
    ),
    Shared(
        Takes.PODS,
        "pods",
        _option(
            list[str] | None, "--pod", metavar="POD", text="Only this pod; may be given again."
        ),
        None,
    ),
    Shared(
        Takes.HOSTS,
        "hosts",
        _option(
            list[str] | None, "--host", metavar="HOST", text="Only this host; may be given again."
        ),
        None,
    ),
    Shared(
        Takes.JSON,
        "json",
        _option(bool, "--json", text="JSON on standard output; progress on standard error."),
        False,
    ),
    Shared(
        Takes.DRY_RUN,
        "dry_run",
        _option(bool, "--dry-run", text="Say what would be done, and do nothing."),
        False,
    ),
    Shared(
        Takes.DEEP,
        "deep",
        _option(bool, "--deep", text="Apply everything, also where nothing seems to differ."),
        False,
    ),
    Shared(
        Takes.YES,
        "yes",
        _option(bool, "--yes", "-y", text="Ask nothing."),
        False,
    ),
)


def shared_options(takes: Takes) -> list[Parameter]:
    """The parameters of the shared options that a verb takes."""
    return [shared.parameter() for shared in SHARED if shared.takes & takes]
