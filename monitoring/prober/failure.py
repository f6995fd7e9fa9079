"""How a probe stops: with a reason from the closed set, and a detail for people alone."""

from __future__ import annotations

from monitoring.reasons import Reason, words
from monitoring.shown import shown

# A name of a host fits, at its longest.
_DETAIL_CHARACTERS = 300


class ProbeFailed(Exception):
    """What was probed did not do what it should."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason, self.detail = reason, shown(detail, _DETAIL_CHARACTERS)
        super().__init__(": ".join(filter(None, (words(reason), self.detail))))
