"""What a monitor's metrics page says, for reading by metric and pod."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from monitoring.metrics import Metric

_SERIES = re.compile(r"(?P<name>\w+)\{(?P<labels>.*)\} (?P<value>\S+)\Z")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


class Series:
    """Of lines in Prometheus' text format, the series with a pod."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._of: dict[tuple[str, str], list[tuple[Mapping[str, str], float]]] = {}
        for line in lines:
            if (found := _SERIES.match(line)) is not None:
                labels = _labels(found["labels"])
                key = (found["name"], labels.get("pod", ""))
                self._of.setdefault(key, []).append((labels, float(found["value"])))

    def values(self, metric: Metric, pod: str, by: str) -> dict[str, float]:
        """A metric's values for one pod, by another of its labels."""
        return {labels[by]: value for labels, value in self._of.get((metric.full_name, pod), ())}


def _labels(text: str) -> dict[str, str]:
    # A line break in a name would break the table that shows it.
    return {
        name: _ESCAPE.sub(lambda found: " " if found[1] == "n" else found[1], value)
        for name, value in _LABEL.findall(text)
    }
