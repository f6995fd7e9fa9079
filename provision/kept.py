"""What pods keep on their hosts, and pruning: releases, artifacts, databases, orphans."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provision.answers import Answers, ask_pods
from provision.columns import columns
from provision.errors import Refusal, Refusals
from provision.fleet.model import Fleet
from provision.report import Report

HEADS = ("POD", "KIND", "ID", "SIZE", "DATE", "WHY KEPT")


@dataclass(frozen=True)
class Kept:
    """One thing that a pod keeps; `told` is what its host says of it."""

    pod: str
    told: Mapping[str, Any]

    def row(self) -> tuple[str, ...]:
        told, size = self.told, self.told.get("bytes")
        return (
            self.pod,
            str(told["kind"]),
            str(told["id"]),
            "-" if size is None else f"{size / 1024**2:.1f} MiB",
            _date(told.get("at")),
            str(told.get("why") or "nothing: --prune removes it"),
        )

    def to_json(self) -> dict[str, Any]:
        return {"pod": self.pod, **self.told}


def kept(
    fleet: Fleet, report: Report, *, pods: Sequence[str] = (), hosts: Sequence[str] = ()
) -> Answers[Kept]:
    """All that the selected pods keep, pod after pod."""
    found = ask_pods(fleet, report, "releases", pods=pods, hosts=hosts)
    return Answers([Kept(*one) for one in found.told], found.errors)


def prune(
    fleet: Fleet,
    report: Report,
    accept: Sequence[str],
    *,
    pods: Sequence[str] = (),
    hosts: Sequence[str] = (),
) -> Answers[Kept]:
    """Removes what no rule keeps, and the safety copies that were named; what was removed."""
    if accept:
        _refuse_unknown(accept, kept(fleet, report, pods=pods, hosts=hosts))
    request = {"accept": list(accept)}
    found = ask_pods(fleet, report, "prune", request, pods=pods, hosts=hosts)
    return Answers([Kept(*one) for one in found.told], found.errors)


def _refuse_unknown(accept: Sequence[str], there: Answers[Kept]) -> None:
    """Before anything is removed; a host that is away may be the one that keeps it."""
    known = {one.told["id"] for one in there.told}
    if unknown := [name for name in accept if name not in known]:
        refused = Refusal(
            f"--accept {unknown[0]}",
            "none of the pods keeps that",
            "Name one that `podfleet releases` lists.",
        )
        raise Refusals([*there.errors, refused])


def kept_lines(found: Sequence[Kept]) -> list[str]:
    """What is there, as a table."""
    return columns(HEADS, [one.row() for one in found]) if found else ["Nothing is kept."]


def removed_lines(found: Sequence[Kept]) -> list[str]:
    """What is there no more, as a table."""
    if not found:
        return ["Nothing to prune."]
    return ["Removed:", *columns(HEADS[:-1], [one.row()[:-1] for one in found])]


def _date(at: Any) -> str:
    if isinstance(at, int | float):
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))
    return str(at)[:16].replace("T", " ") if at else "-"
