"""What one page has read: the answers to its panels, asked all at once, and what went wrong.

A question that failed leaves no values behind, and words in `troubles`: never a zero.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitoring.dashboard.panels import BY_NAME, Panel
from monitoring.dashboard.prometheus import Prometheus, PrometheusTrouble, Series
from monitoring.dashboard.settings import Settings


@dataclass(frozen=True)
class Asking:
    """What a page works with: where it asks, and what time it is."""

    prometheus: Prometheus
    settings: Settings
    now: float

    async def read(self, *names: str, pod: str = ".*") -> Reading:
        """Asks the panels named, all at once; what one cannot tell is no matter of the others."""
        wanted = list(dict.fromkeys(names))
        answers = await asyncio.gather(*(self._answer(name, pod) for name in wanted))
        return Reading(self.now, self.settings, dict(zip(wanted, answers, strict=True)))

    async def _answer(self, name: str, pod: str) -> list[Series] | PrometheusTrouble:
        panel = BY_NAME[name]
        try:
            return await self._asked(panel, panel.expression(pod))
        except PrometheusTrouble as trouble:
            return trouble

    async def _asked(self, panel: Panel, promql: str) -> list[Series]:
        if not panel.hours:
            return await self.prometheus.instant(promql)
        return await self.prometheus.over(promql, panel.hours, panel.step, self.now)


@dataclass(frozen=True)
class Reading:
    """Answers by the panel's name."""

    now: float
    settings: Settings
    answers: Mapping[str, list[Series] | PrometheusTrouble]

    def series(self, name: str) -> list[Series]:
        """Empty where there is none, and where the question failed."""
        answer = self.answers[name]
        return [] if isinstance(answer, PrometheusTrouble) else answer

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """By the values of the panel's labels; what is not a number is left out."""
        labels = BY_NAME[name].labels
        return {
            tuple(one.labels.get(label, "") for label in labels): one.value
            for one in self.series(name)
            if one.value is not None
        }

    def by(self, name: str) -> dict[str, float]:
        """The same for a panel with one label."""
        (label,) = BY_NAME[name].labels
        return {
            one.labels.get(label, ""): value
            for one in self.series(name)
            if (value := one.points[-1][1]) is not None
        }

    def chosen(self, name: str) -> dict[tuple[str, ...], str]:
        """For a panel whose last label says what holds: that label by the ones before it."""
        return {key[:-1]: key[-1] for key in self.values(name)}

    @property
    def troubles(self) -> Sequence[str]:
        """Each failure once, in words."""
        failed = (one for one in self.answers.values() if isinstance(one, PrometheusTrouble))
        return list(dict.fromkeys(str(one) for one in failed))

    @property
    def is_blind(self) -> bool:
        """Nothing at all could be read."""
        return all(isinstance(one, PrometheusTrouble) for one in self.answers.values())

    @property
    def is_partial(self) -> bool:
        return bool(self.troubles)
