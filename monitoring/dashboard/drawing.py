"""Charts as SVG, drawn here: every one has its text alternative, and colours come from the style.

No `style` attribute: the page's Content-Security-Policy forbids it, classes say it all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce

from markupsafe import Markup, escape

from monitoring.dashboard.prometheus import Series

# About as wide as a page shows it: what is scaled down much more cannot be read.
WIDTH, HEIGHT = 400, 140
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 8, 8, 22
# Past so many series the rest is one more, "others": more colours cannot be told apart.
MOST_COLOURS = 7
Points = Sequence[tuple[float, float | None]]


def sparkline(points: Points, alternative: str, width: int = 120, height: int = 28) -> Markup:
    """A small line without axes; gaps stay gaps."""
    known = [value for _, value in points if value is not None]
    if len(known) < 2:
        return Markup("")
    top = max(known) or 1.0
    start, span = points[0][0], (points[-1][0] - points[0][0]) or 1
    where = [
        (2 + (when - start) / span * (width - 4), None if value is None else
         height - 2 - value / top * (height - 4))
        for when, value in points
    ]  # fmt: skip
    return _svg(width, height, alternative, _path(where, "line c0"), "spark")


def lines(named: Mapping[str, Points], say: Callable[[float], str], alternative: str) -> Markup:
    """One line a series, with both axes."""
    known = [value for points in named.values() for _, value in points if value is not None]
    if not known:
        return Markup("")
    frame = _Frame([when for points in named.values() for when, _ in points], max(known))
    drawn = [
        _path([(frame.x(when), None if value is None else frame.y(value))
               for when, value in points], f"line c{place % MOST_COLOURS}")
        for place, points in enumerate(named.values())
    ]  # fmt: skip
    return _svg(WIDTH, HEIGHT, alternative, frame.axes(say) + Markup("").join(drawn))


def stack(
    named: Mapping[str, Points], step: float, say: Callable[[float], str], alternative: str
) -> Markup:
    """Bars, one a moment, with the series on top of one another."""
    sums: dict[float, float] = {}
    for points in named.values():
        for when, value in points:
            sums[when] = sums.get(when, 0.0) + (value or 0.0)
    if not sums or max(sums.values()) <= 0:
        return Markup("")
    frame = _Frame(sums, max(sums.values()), step)
    floor = dict.fromkeys(sums, 0.0)
    bars = []
    for place, points in enumerate(named.values()):
        for when, value in points:
            if value:
                bars.append(frame.bar(when, floor[when], value, place % MOST_COLOURS))
                floor[when] += value
    return _svg(WIDTH, HEIGHT, alternative, frame.axes(say) + Markup("").join(bars))


def strip(tones: Sequence[tuple[str, str]], alternative: str) -> Markup:
    """A row of cells from old to new: (tone, title) each."""
    boxes = Markup("").join(
        Markup('<rect class="heat {}" x="{}" y="0" width="9" height="18"><title>{}</title></rect>')
        .format(tone, place * 10, title)
        for place, (tone, title) in enumerate(tones)
    )  # fmt: skip
    return _svg(len(tones) * 10, 18, alternative, boxes, "strip")


def most(
    series: Sequence[Series], label: Callable[[Series], str], join: Callable[[float, float], float]
) -> dict[str, Points]:
    """Series by name, in their order; those past the colours are joined to `others`."""
    named: dict[str, Points] = {label(one): one.points for one in series[: MOST_COLOURS - 1]}
    gathered: dict[float, list[float]] = {}
    for one in series[MOST_COLOURS - 1 :]:
        for when, value in one.points:
            gathered.setdefault(when, []).extend(() if value is None else (value,))
    # Where none of them has a value, there is none: a zero would be made up.
    others = [(when, reduce(join, found) if found else None)
              for when, found in sorted(gathered.items())]  # fmt: skip
    return {**named, "others": others} if others else named


class _Frame:
    """Where a moment and a value lie in the picture."""

    def __init__(self, whens: Iterable[float], top: float, step: float = 0) -> None:
        moments = list(whens)
        self._start, self._end = min(moments) - step, max(moments)
        self._top, self._step = top or 1.0, step

    def x(self, when: float) -> float:
        span = (self._end - self._start) or 1
        return _LEFT + (when - self._start) / span * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - value / self._top * (HEIGHT - _TOP - _BOTTOM)

    def bar(self, when: float, floor: float, value: float, colour: int) -> Markup:
        left, right = self.x(when - self._step), self.x(when)
        low, high = self.y(floor), self.y(floor + value)
        shape = '<rect class="bar c{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
        return Markup(shape.format(colour, left, high, max(1.0, right - left - 1), low - high))

    def axes(self, say: Callable[[float], str]) -> Markup:
        """Three marks of the value, and the first, middle and last moment."""
        marks = [
            Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
                   '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>')
            .format(_LEFT, WIDTH - _RIGHT, self.y(value), self.y(value), _LEFT - 5,
                    self.y(value) + 4, say(value))
            for value in (0.0, self._top / 2, self._top)
        ]  # fmt: skip
        places = ((self._start, "start"), ((self._start + self._end) / 2, "middle"),
                  (self._end, "end"))  # fmt: skip
        for when, anchor in places:
            text = '<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>'
            hour = datetime.fromtimestamp(when, UTC).strftime("%d %H:%M")
            marks.append(Markup(text).format(self.x(when), HEIGHT - 5, anchor, hour))
        return Markup("").join(marks)


def _path(where: Sequence[tuple[float, float | None]], classes: str) -> Markup:
    """A line that is broken where there is no value."""
    steps, is_down = [], False
    for x, y in where:
        if y is None:
            is_down = False
            continue
        steps.append(f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}")
        is_down = True
    return Markup('<path class="{}" d="{}"/>').format(classes, " ".join(steps))


def _svg(width: int, height: int, alternative: str, inner: Markup, kind: str = "chart") -> Markup:
    opening = f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="'
    return Markup(opening) + escape(alternative) + Markup('">') + inner + Markup("</svg>")
