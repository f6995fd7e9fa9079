"""The fleet in the commands that errors name.

Errors are made on floors, and on hosts, that do not know how a fleet was named; `podfleet up` as it
stands there would boot the lab.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from provision.errors import PodfleetError, Refusals

if TYPE_CHECKING:
    from provision.cli.asked import Asked


def words_below(errors: Sequence[PodfleetError], asked: Asked) -> Iterator[str]:
    """A line to say below the errors, where what they name would go to another fleet."""
    fleet = asked.fleet_name
    if fleet and any(_names_another(fleet, error.do) for error in _each(errors)):
        yield f"In such a command name the fleet, too:{asked.fleet_words}"


def _each(errors: Sequence[PodfleetError]) -> Iterator[PodfleetError]:
    for error in errors:
        yield from error.errors if isinstance(error, Refusals) else (error,)


def _names_another(fleet: str, do: str) -> bool:
    """Whether a command there takes a fleet, and is told none."""
    from provision.cli.options import Takes
    from provision.cli.table import VERBS

    takes = Takes.FLEET | Takes.FLEET_OPTION
    verbs = "|".join(verb.name for verb in VERBS if verb.takes & takes)
    command = rf"podfleet (?:{verbs})\b(?! (?:/|{re.escape(fleet)}))"
    return bool(re.search(command, do)) and "--fleet" not in do
