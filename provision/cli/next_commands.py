"""The fleet in the commands that errors and notes name.

They are made on floors, and on hosts, that do not know how a fleet was named; `podfleet up` as it
stands there would boot the lab.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from provision.errors import PodfleetError

if TYPE_CHECKING:
    from provision.cli.asked import Asked


def words_below(errors: Sequence[PodfleetError], asked: Asked) -> Iterator[str]:
    """A line to say below the errors, where what they name would go to another fleet."""
    return words_for((each.do for error in errors for each in error.each), asked)


def words_for(told: Iterable[str], asked: Asked) -> Iterator[str]:
    """The same below lines of whatever kind."""
    fleet = asked.fleet_name
    if fleet and any(_names_another(fleet, do) for do in told):
        yield f"In such a command name the fleet, too:{asked.fleet_words}"


def _names_another(fleet: str, do: str) -> bool:
    """Whether a command there takes a fleet, and is told none."""
    from provision.cli.options import Takes
    from provision.cli.table import VERBS

    takes = Takes.FLEET | Takes.FLEET_OPTION
    verbs = "|".join(verb.name for verb in VERBS if verb.takes & takes)
    command = rf"podfleet (?:{verbs})\b(?! (?:/|{re.escape(fleet)}))"
    return bool(re.search(command, do)) and "--fleet" not in do
