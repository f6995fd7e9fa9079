"""What became of each pod of an upgrade, to read and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from provision.columns import columns

if TYPE_CHECKING:
    from provision.upgrading import Outcome

HEADS = ("POD", "FROM", "TO", "OUTCOME", "PATH", "PREDICTED", "CLOSED", "WHOLE")


def outcome_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """A line a pod, and what to do about those that were not attempted."""
    if not outcomes:
        return ["Nothing to upgrade."]
    left = [one.part.pod.name for one in outcomes if not one.was_attempted]
    rest = f"Not attempted: {', '.join(left)}. The same command again goes on with them."
    return [*columns(HEADS, [_row(one) for one in outcomes]), *([rest] if left else [])]


def _row(one: Outcome) -> tuple[str, ...]:
    from provision.history import path_words, seconds

    told = one.made.entry if one.made else {}
    return (
        one.part.pod.name,
        one.part.running,
        one.made.release_id if one.made else one.part.pod.release,
        _outcome(one),
        path_words(told),
        seconds(told.get("predicted_seconds")),
        seconds(told.get("closed_seconds")),
        seconds(told.get("seconds")),
    )


def outcome_json(one: Outcome) -> dict[str, Any]:
    """One pod of `upgrade --json`."""
    told: dict[str, Any] = dict(one.made.entry) if one.made else {}
    return {
        **told,
        "pod": one.part.pod.name,
        "from": one.part.running,
        "to": one.made.release_id if one.made else one.part.pod.release,
        "outcome": _outcome(one),
        "operation": one.made.operation if one.made else None,
        "error": str(one.error) if one.error else None,
    }


def _outcome(one: Outcome) -> str:
    if one.error:
        return "failed"
    if one.made is None:
        return "not attempted"
    return "done" if one.made.entry else "rehearsed"
