"""The verbs that are operations, as a table: each gives the steps of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from provision.operations import configure, export, launch, retire
from provision.operations.operation import Operation
from provision.operations.step import Step

VERBS: Mapping[str, Callable[[Operation], list[Step]]] = {
    "launch": launch.steps,
    "configure": configure.steps,
    "export": export.steps,
    "retire": retire.steps,
}
