"""What is known of each peer from one cycle to the next, and when it is worth another look."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from monitoring.peers import Peer
from monitoring.reasons import Reason

_DAY = 86400.0
# A peer that has failed for days is rarely back within five minutes, and knocking at its door all
# the same helps nobody: it is asked once an hour, and once diaspora* itself has given it up (after
# 14 days) four times a day. Longest first.
_SLOWER = ((14 * _DAY, 6 * 3600.0), (2 * _DAY, 3600.0))
# So that those that died together do not all come due together.
_JITTER = (0.8, 1.0)
# These say nothing of the peer.
_OUR_OWN = frozenset({Reason.NO_ROUTE, Reason.PROBE_BROKE})


@dataclass(frozen=True)
class Outcome:
    """What one look found."""

    at: float
    reason: Reason | None
    software: str | None = None
    version: str | None = None
    is_valid: bool = False
    seconds: float = 0.0
    certificate_expires: float | None = None
    families: Mapping[str, bool] = field(default_factory=dict)


@dataclass
class Standing:
    """A peer, as it is known."""

    peer: Peer
    outcome: Outcome | None = None
    failing_since: float | None = None
    # Its name led somewhere the last time.
    is_found: bool = False
    not_before: float = 0.0

    def learn(self, outcome: Outcome, now: float) -> None:
        """`now` is of the clock that `not_before` is read by."""
        self.outcome = outcome
        if outcome.reason is None or outcome.reason in _OUR_OWN:
            self.failing_since, self.not_before = None, 0.0
            return
        known = (self.failing_since, self.peer.offline_since, outcome.at)
        self.failing_since = min(since for since in known if since is not None)
        self.not_before = now + _pause(outcome.at - self.failing_since)


def _pause(failed_for: float) -> float:
    pause = next((pause for least, pause in _SLOWER if failed_for >= least), 0.0)
    return pause * random.uniform(*_JITTER)


class Standings:
    """All peers, the heaviest first; those that are gone are forgotten, and no more are kept than
    twice `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, Standing] = {}

    def __len__(self) -> int:
        return len(self._known)

    def meet(self, peers: Iterable[Peer]) -> None:
        """These are the peers now."""
        by_weight = sorted(peers, key=lambda peer: (-peer.contacts, peer.authority))
        before, self._known = self._known, {}
        for peer in by_weight[: 2 * self._most]:
            standing = before.get(peer.authority) or Standing(peer)
            standing.peer = peer
            self._known[peer.authority] = standing

    def due(self, now: float) -> list[Standing]:
        return [each for each in self._known.values() if each.not_before <= now]

    def newcomers(self) -> list[Standing]:
        return [each for each in self._known.values() if each.outcome is None]

    def named(self) -> list[Standing]:
        """Those with series of their own."""
        return list(self._known.values())[: self._most]

    def others(self) -> list[Standing]:
        return list(self._known.values())[self._most :]
