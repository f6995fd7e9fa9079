"""How a probe stops: with a reason from the closed set, and a detail for people alone."""

from __future__ import annotations

from monitoring.reasons import Reason, words


class ProbeFailed(Exception):
    """What was probed did not do what it should."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{words(reason)}: {detail}" if detail else words(reason))
