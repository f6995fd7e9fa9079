"""The ledger of upgrades and rollbacks that the pods' hosts keep: foretold and actual cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from provision.answers import Answers, ask_pods
from provision.columns import columns
from provision.fleet.model import Fleet
from provision.hosts.connection import Connection
from provision.operations.dispatch import ask_host
from provision.report import Report

HEADS = ("POD", "AT", "VERB", "FROM", "TO", "PATH", "PREDICTED", "CLOSED", "WHOLE", "OUTCOME")


@dataclass(frozen=True)
class Entry:
    """One upgrade or rollback of one pod; `told` is the ledger's own line."""

    pod: str
    told: Mapping[str, Any]

    def row(self) -> tuple[str, ...]:
        told = self.told
        outcome = str(told.get("outcome", "-"))
        # The whole is in `history --json`.
        gate = f": {shorten(str(told['gate']), 80, placeholder=' …')}" if told.get("gate") else ""
        return (
            self.pod,
            str(told.get("at", "-"))[:19],
            str(told.get("verb", "-")),
            str(told.get("from") or "-"),
            str(told.get("to") or "-"),
            path_words(told),
            seconds(told.get("predicted_seconds")),
            seconds(told.get("closed_seconds")),
            seconds(told.get("seconds")),
            outcome + gate,
        )

    def to_json(self) -> dict[str, Any]:
        """`history --json`: the ledger's line, and whose it is."""
        return {"pod": self.pod, **self.told}


def history(
    fleet: Fleet, report: Report, *, pods: Sequence[str] = (), hosts: Sequence[str] = ()
) -> Answers[Entry]:
    """Every upgrade and rollback of the selected pods, pod after pod, oldest first."""
    found = ask_pods(fleet, report, "history", pods=pods, hosts=hosts)
    return Answers([Entry(*one) for one in found.told], found.errors)


def entry_of(connection: Connection, pod: str, operation: str) -> Mapping[str, Any]:
    """What the ledger says of one operation."""
    told: list[dict[str, Any]] = json.loads(ask_host(connection, pod, "history"))
    return next((one for one in reversed(told) if one["operation"] == operation), {})


def lines(entries: Sequence[Entry]) -> list[str]:
    """The entries as a table."""
    if not entries:
        return ["No upgrade yet."]
    return columns(HEADS, [entry.row() for entry in entries])


def path_words(told: Mapping[str, Any]) -> str:
    """The path that an upgrade took, and in which order."""
    return ", ".join(str(told[key]) for key in ("path", "order") if told.get(key)) or "-"


def seconds(value: Any) -> str:
    """A duration in a table."""
    return "-" if value is None else f"{float(value):.2f} s"
