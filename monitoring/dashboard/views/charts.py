"""A panel over time as a chart, with a legend that says its last values in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import add

from markupsafe import Markup

from monitoring.dashboard.drawing import Points, lines, most, stack
from monitoring.dashboard.panels import BY_NAME, Panel
from monitoring.dashboard.prometheus import Series
from monitoring.dashboard.reading import Reading
from monitoring.dashboard.wording import reason_words, said

# The ages of monitoring/pod/scheduled.py, from young to old.
_AGES = {
    "10m": "less than 10 min",
    "1h": "less than 1 h",
    "6h": "less than 6 h",
    "1d": "less than 1 d",
    "older": "older",
}


@dataclass(frozen=True)
class Chart:
    """`legend` is (colour's class, series, its last value and its highest, in words)."""

    title: str
    svg: Markup
    legend: Sequence[tuple[str, str, str, str]]


def chart(reading: Reading, name: str, where: Callable[[Series], bool] | None = None) -> Chart:
    """The series of a panel that `where` wants; without any, a chart without a picture."""
    panel = BY_NAME[name]
    series = [one for one in reading.series(name) if where is None or where(one)]
    join = add if panel.drawn == "stack" else max
    named = most(_ordered(panel, series), lambda one: _label(panel, one), join)
    legend = [_entry(panel, place, label, points)
              for place, (label, points) in enumerate(named.items())]  # fmt: skip
    words = "; ".join(f"{label}: {last}, at most {highest}" for _, label, last, highest in legend)
    return Chart(panel.title, _drawn(panel, named, f"{panel.title}: {words}"), legend)


def _label(panel: Panel, one: Series) -> str:
    values = [one.labels.get(label, "") for label in panel.labels]
    return " ".join(_AGES.get(value) or reason_words(value) for value in values) or panel.title


def _ordered(panel: Panel, series: Sequence[Series]) -> list[Series]:
    """Ages from young to old, all else by size."""
    ages = list(_AGES)
    if panel.labels == ("age",):
        return sorted(series, key=lambda one: ages.index(one.labels["age"])
                      if one.labels.get("age") in _AGES else len(ages))  # fmt: skip
    return sorted(series, key=lambda one: -sum(value or 0 for _, value in one.points))


def _drawn(panel: Panel, named: dict[str, Points], alternative: str) -> Markup:
    def say(value: float) -> str:
        return said(value, panel.unit)

    if panel.drawn == "stack":
        return stack(named, panel.step, say, alternative)
    return lines(named, say, alternative)


def _entry(panel: Panel, place: int, label: str, points: Points) -> tuple[str, str, str, str]:
    known = [value for _, value in points if value is not None]
    last = points[-1][1] if points else None
    highest = said(max(known, default=None), panel.unit)
    return f"c{place}", label, said(last, panel.unit), highest
