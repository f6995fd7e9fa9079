"""How old what a source said is: what is too old is shown as stale, with its age.

Pages that show values of sources ask for the panels SOURCES besides their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitoring.dashboard.reading import Reading
from monitoring.dashboard.wording import age

SOURCES = ("sources", "sources_up", "hosts")


@dataclass(frozen=True)
class Fresh:
    """When a source was last read to its end, and whether that is recent enough."""

    at: float | None
    is_stale: bool
    # It says of itself that what it reads cannot be read.
    is_failing: bool
    words: str


class Freshness:
    """Of all sources that the reading knows."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._at = reading.values("sources")
        self._up = reading.values("sources_up")

    def of(self, source: str, pod: str = "", host: str = "") -> Fresh:
        """The newest where several hosts have such a source and none is named."""
        mine = [key for key in self._at if self._fits(key, source, pod, host)]
        if not mine:
            return Fresh(None, False, False, "")
        newest = max(mine, key=lambda key: self._at[key])
        return self._judged(source, self._at[newest], self._up.get(newest))

    @staticmethod
    def _fits(key: tuple[str, ...], source: str, pod: str, host: str) -> bool:
        return key[1] == source and key[2] == pod and (not host or key[0] == host)

    def _judged(self, source: str, at: float, is_up: float | None) -> Fresh:
        now = self._reading.now
        is_stale = now - at > self._reading.settings.stale_after(source)
        if is_stale:
            return Fresh(at, True, is_up == 0, f"stale: last read {age(at, now)}")
        if is_up == 0:
            return Fresh(at, False, True, f"cannot be read; last {age(at, now)}")
        return Fresh(at, False, False, "")

    def silent_hosts(self) -> list[str]:
        """Hosts whose monitor did not answer Prometheus."""
        return sorted(key for key, is_up in self._reading.by("hosts").items() if not is_up)

    def rows(self) -> Iterable[tuple[str, str, str, Fresh]]:
        """Host, source, pod and how fresh, of every source."""
        for host, source, pod in sorted(self._at):
            yield host, source, pod, self.of(source, pod, host)
