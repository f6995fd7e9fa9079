"""A visitor who asks without pause while a pod changes, and remembers every answer."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass
from types import TracebackType

from tests.lab.upgrades.upgrade_lab import UpgradeLab
from tests.lab.upgrades.user import User

PAGES = ("/nodeinfo/2.0", "/public")


@dataclass(frozen=True)
class Visit:
    path: str
    status: int
    seconds: float
    body: bytes
    error: str | None


class Visitor:
    """`with Visitor(lab, pod) as visitor: …`; afterwards `visitor.visits` has all of them."""

    def __init__(self, lab: UpgradeLab, pod: str) -> None:
        self.visits: list[Visit] = []
        self._user = User(lab, pod)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._visit, daemon=True)

    def __enter__(self) -> Visitor:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join(90)

    def _visit(self) -> None:
        for path in itertools.cycle(PAGES):
            if self._stopped.wait(0.05):
                return
            began = time.monotonic()
            answer = self._user.get(path)
            seconds = time.monotonic() - began
            visit = Visit(path, answer.status, seconds, answer.body, answer.error)
            self.visits.append(visit)

    @property
    def failed(self) -> list[Visit]:
        return [visit for visit in self.visits if visit.status != 200]

    @property
    def slowest(self) -> float:
        return max(visit.seconds for visit in self.visits)
