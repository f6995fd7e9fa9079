"""What became of each pod of an upgrade, to read and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from provision.columns import columns

if TYPE_CHECKING:
    from provision.upgrading import Outcome, Upgraded

HEADS = ("POD", "FROM", "TO", "OUTCOME", "PATH", "PREDICTED", "CLOSED", "WHOLE")


def outcome_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """A line a pod, and what to do about those that were not attempted."""
    if not outcomes:
        return ["Nothing to upgrade."]
    left = [one.part.pod.name for one in outcomes if not one.was_attempted]
    rest = f"Not attempted: {', '.join(left)}. They run what they ran; a rerun goes on with them."
    told = [line for one in outcomes for line in _more_lines(one)]
    return [*columns(HEADS, [_row(one) for one in outcomes]), *told, *([rest] if left else [])]


def _row(one: Outcome) -> tuple[str, ...]:
    from provision.history import path_words, seconds

    told = _told(one.made)
    return (
        one.part.pod.name,
        one.part.running,
        _to(one),
        _outcome(one),
        path_words(told),
        seconds(told.get("predicted_seconds")),
        seconds(told.get("closed_seconds")),
        seconds(told.get("seconds")),
    )


def outcome_json(one: Outcome) -> dict[str, Any]:
    """One pod of `upgrade --json`."""
    return {
        **_told(one.made),
        "pod": one.part.pod.name,
        "from": one.part.running,
        "to": _to(one),
        "outcome": _outcome(one),
        "operation": _operation(one),
        "error": str(one.error) if one.error else None,
    }


def _operation(one: Outcome) -> str | None:
    """What was begun on the pod's host, however it ended."""
    if one.error:
        return one.error.operation
    return one.made.operation if one.made else None


def _to(one: Outcome) -> str:
    return one.made.release_id if one.made else one.part.pod.release


def _outcome(one: Outcome) -> str:
    if one.error:
        return "failed"
    if one.made is None:
        return "not attempted"
    return "rehearsed" if one.made.is_rehearsal else "done"


def _told(made: Upgraded | None) -> dict[str, Any]:
    """The ledger's line; of a rehearsal, which has none, what its steps found."""
    if made is None or not made.is_rehearsal:
        return dict(made.entry) if made else {}
    way = made.evidence.get("preflight", {}).get("way", {})
    found = {key: way.get(key) for key in ("path", "order", "pending", "predicted_seconds")}
    rehearsal = made.evidence.get("rehearse") or {}
    predicted = rehearsal.get("predicted_seconds", found["predicted_seconds"])
    return {**found, "predicted_seconds": predicted, "rehearsal": rehearsal}


def _more_lines(one: Outcome) -> list[str]:
    """A rehearsal's findings, below the table."""
    found: Mapping[str, Any] = _told(one.made).get("rehearsal") or {}
    if not found:
        return []
    ran = [f"{each['version']} in {each['seconds']:.1f} s" for each in found["migrations"]]
    size = found["database_bytes"] / 1024**2
    peak = f"the migrator took {found['migrator_peak_mb']:.0f} MB of memory at most, all of it "
    peak += f"{found.get('disk_peak_bytes', 0) / 1024**2:.0f} MiB of disk"
    return [
        f"pod {one.part.pod.name}: {len(ran)} migrations: {', '.join(ran)}",
        f"pod {one.part.pod.name}: a copy of {size:.0f} MiB in {found['dump_seconds']:.1f} s",
        f"pod {one.part.pod.name}: {peak}",
    ]
