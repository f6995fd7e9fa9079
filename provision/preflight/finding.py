"""One finding of the preflight: what was looked at, where, how it came out, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Finding:
    """`validate --hosts --json` gives a list of these."""

    check: str
    host: str
    pod: str | None
    outcome: Outcome
    evidence: str
    # What to do about a failed one.
    do: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> str:
        where = f"host {self.host}" if self.pod is None else f"pod {self.pod}"
        return f"{self.outcome:8}{where}: {self.check}: {self.evidence}. {self.do}".rstrip()
