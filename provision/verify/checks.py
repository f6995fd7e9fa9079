"""What verify found: one Check for each host, pod or pair of pods that a test looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from provision.columns import columns

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Check:
    """One answer; `evidence` says what was seen, or why nobody looked."""

    check: str
    pod: str | None
    host: str | None
    outcome: Outcome
    evidence: str

    def to_json(self) -> dict[str, Any]:
        """The shape that `verify --json` promises."""
        return asdict(self)


def failed(checks: Iterable[Check]) -> list[Check]:
    return [check for check in checks if check.outcome == "failed"]


def check_lines(checks: Sequence[Check]) -> list[str]:
    """A table, what failed at its end, and the sum."""
    order = {"passed": 0, "skipped": 1, "failed": 2}
    rows = [
        (check.outcome, check.check, check.pod or "-", check.host or "-", check.evidence)
        for check in sorted(checks, key=lambda check: order[check.outcome])
    ]
    counted = {name: sum(check.outcome == name for check in checks) for name in order}
    total = ", ".join(f"{count} {name}" for name, count in counted.items() if count)
    return [*columns(("OUTCOME", "CHECK", "POD", "HOST", "SEEN"), rows), "", total or "no checks"]
