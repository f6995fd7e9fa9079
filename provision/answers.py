"""What the hosts of several pods answer to one question, and why others of them do not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from provision.errors import PodfleetError
from provision.fleet.model import Fleet
from provision.looking import look, select
from provision.operations.dispatch import ask_host
from provision.report import Report

One = TypeVar("One")


@dataclass(frozen=True)
class Answers(Generic[One]):
    """What was told, pod after pod; `errors` says why nothing was of the others."""

    told: list[One] = field(default_factory=list)
    errors: list[PodfleetError] = field(default_factory=list)

    @property
    def is_silence(self) -> bool:
        """Whether nobody answered: that nothing is there is not known then."""
        return bool(self.errors) and not self.told


def ask_pods(
    fleet: Fleet,
    report: Report,
    verb: str,
    request: Mapping[str, Any] | None = None,
    *,
    pods: Sequence[str] = (),
    hosts: Sequence[str] = (),
) -> Answers[tuple[str, Any]]:
    """Each of these pods with what its host tells of it; a host that is away silences no other."""
    chosen = select(fleet, pods, hosts)
    seen = look(fleet, dict.fromkeys(pod.host for pod in chosen), report)
    away = [one.error for one in seen.values() if one.error]
    found: Answers[tuple[str, Any]] = Answers(errors=away)
    for pod in chosen:
        if (connection := seen[pod.host].connection) is None:
            continue
        try:
            told = json.loads(ask_host(connection, pod.name, verb, request))
            found.told.extend((pod.name, one) for one in told)
        except PodfleetError as error:
            found.errors.append(error)
    return found
