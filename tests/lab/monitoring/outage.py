"""A host that is away for a while: how soon the page and the receiver know, and know its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.lab.monitoring.shown import Dashboard, Shown
from tests.lab.monitoring.watching import Watching

Look = Callable[[Shown], Any]


@dataclass
class Clock:
    """Seconds from the beginning until each thing was seen; printed, so that a run tells them."""

    began: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    def note(self, what: str) -> None:
        self.seconds[what] = time.monotonic() - self.began
        print(f"\n  {what}: {self.seconds[what]:.0f} s", flush=True)

    def until(self, what: str, is_so: Callable[[], Any], limit: float) -> Any:
        """Waits for it, and notes when it was; within `limit` seconds from the beginning."""
        while not (found := is_so()):
            assert time.monotonic() - self.began < limit, f"not within {limit:g} s: {what}"
            time.sleep(1)
        self.note(what)
        return found


def page_until(
    clock: Clock, dashboard: Dashboard, what: str, look: Look, limit: float
) -> tuple[Shown, Any]:
    """The overview as soon as it shows that, and what was looked for."""
    last: list[Shown] = []

    def is_shown() -> Any:
        last[:] = [dashboard.get()]
        return look(last[0])

    try:
        found = clock.until(what, is_shown, limit)
    except AssertionError as error:
        raise AssertionError(f"{error}; the page says {last[0].leads if last else None}") from None
    return last[0], found


def told_since(
    watching: Watching, seen: int, name: str, status: str, **labels: str
) -> dict[str, Any] | None:
    """The newest such alert among those that arrived after the first `seen` ones."""
    later = watching.receiver.alerts[seen:]
    found = [one for one in watching.receiver.arrived(name, status, **labels) if one in later]
    return found[-1] if found else None


def is_well(shown: Shown) -> str:
    """Whether all pods reach one another, as the page says."""
    return shown.says("alpha, beta and gamma reach one another", tone="good")
