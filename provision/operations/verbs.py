"""The verbs that are operations, as a table: each gives the steps of one run as they are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from provision.errors import Exit
from provision.operations import configure, export, launch, retire, rollback, upgrade, verdicts
from provision.operations.operation import Operation
from provision.operations.step import Step

Steps = Callable[[], Sequence[Step]]


def _known_beforehand(make: Callable[[Operation], list[Step]]) -> Callable[[Operation], Steps]:
    """Steps that no preflight has a say in."""

    def of(operation: Operation) -> Steps:
        steps = make(operation)
        return lambda: steps

    return of


VERBS: Mapping[str, Callable[[Operation], Steps]] = {
    "launch": _known_beforehand(launch.steps),
    "configure": _known_beforehand(configure.steps),
    "upgrade": upgrade.steps,
    "rollback": rollback.steps,
    "export": _known_beforehand(export.steps),
    "retire": _known_beforehand(retire.steps),
}

_CONCLUDED: Mapping[str, Callable[[Operation, Exit, str], None]] = {
    "upgrade": verdicts.upgraded,
    "rollback": verdicts.rolled_back,
}


def conclude(operation: Operation, code: Exit, text: str) -> None:
    """What some verbs leave behind, whichever way they end."""
    if keep := _CONCLUDED.get(operation.verb):
        keep(operation, code, text)
