"""What every probe has to say, whatever it looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from monitoring.prober.failure import ProbeFailed
from monitoring.prober.stages import Stages
from monitoring.reasons import Reason, words

F = TypeVar("F", bound="Finding")


@dataclass(frozen=True)
class Finding:
    """`reason` is None where all was well."""

    url: str
    reason: Reason | None = field(default=None, kw_only=True)
    detail: str = field(default="", kw_only=True)
    seconds: dict[str, float] = field(default_factory=dict, kw_only=True)

    @property
    def is_well(self) -> bool:
        return self.reason is None

    def to_json(self) -> dict[str, Any]:
        """All of it; `words` says the reason to people."""
        return {**asdict(self), "words": words(self.reason)}


def concluded(found: F, failed: ProbeFailed | None, stages: Stages) -> F:
    """A finding at the end of its probe: what was learnt stays, however it ended."""
    if failed is None:
        return replace(found, seconds=stages.total())
    return replace(found, seconds=stages.total(), reason=failed.reason, detail=failed.detail)
