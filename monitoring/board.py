"""The board: what all parts of the monitor say now, rendered when they say it.

A part publishes all its samples at once, in place of those before; a part that fails takes its
samples away, so that what is stale is absent and never 0. A scrape joins bytes and asks nobody.
"""

from __future__ import annotations

import math
import re
import threading
import time
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from monitoring.metrics import METRICS, SOURCE_SECONDS, SOURCE_TIMESTAMP, SOURCE_UP, Metric

# A metric, its labels' values in the metric's order, and the value.
Sample = tuple[Metric, tuple[str, ...], float]

_LONGEST_LABEL = 255
_PLAIN = re.compile(r"[\w .:/@+-]*", re.ASCII)
# Control characters end lines, or texts, for one reader or another; none belongs into a label.
_ESCAPES = {
    **dict.fromkeys((*range(32), *range(0x7F, 0xA0), 0x2028, 0x2029), "\N{REPLACEMENT CHARACTER}"),
    ord("\n"): "\\n",
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_DEFLATE_END = b"\x03\x00"


class Histogram:
    """What was observed since the process began; safe between threads."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        # One more for what is above all bounds.
        self._counts = [0] * (len(metric.buckets) + 1)
        self._sum = 0.0
        self._lock = threading.Lock()

    def observe(self, value: float) -> None:
        with self._lock:
            self._counts[bisect_left(self.metric.buckets, value)] += 1
            self._sum += value

    def samples(self, labels: tuple[str, ...]) -> Iterator[tuple[str, float]]:
        """Each line as it is shown: name and labels, and the value."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        name, inner = self.metric.full_name, _inner(self.metric, labels)
        comma = "," if inner else ""
        running = 0
        for bound, count in zip((*self.metric.buckets, math.inf), counts, strict=True):
            running += count
            yield f'{name}_bucket{{{inner}{comma}le="{_number(bound)}"}}', running
        braces = f"{{{inner}}}" if inner else ""
        yield f"{name}_sum{braces}", total
        yield f"{name}_count{braces}", running


@dataclass(frozen=True)
class _Piece:
    """The lines of one family that one source says, as text and deflated."""

    text: bytes
    deflated: bytes

    @staticmethod
    def of(text: str) -> _Piece:
        encoded = text.encode("utf-8", "replace")
        squeeze = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        # A full flush ends at a byte, and nothing after it looks back: pieces can be joined.
        return _Piece(encoded, squeeze.compress(encoded) + squeeze.flush(zlib.Z_FULL_FLUSH))


_Key = tuple[str, str]
_Pieces = dict[str, _Piece]


class Board:
    """What is published, by source and pod; safe between threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._said: dict[_Key, _Pieces] = {}
        self._about: dict[_Key, list[Sample]] = {}
        self._heads = {each.full_name: _Piece.of(_head(each)) for each in METRICS}
        self._lock = threading.Lock()
        self._whole: tuple[bytes, bytes] | None = None

    def publish(
        self,
        source: str,
        samples: Iterable[Sample],
        *,
        pod: str = "",
        histograms: Iterable[tuple[Histogram, tuple[str, ...]]] = (),
        seconds: float | None = None,
    ) -> None:
        """What a source says now, in place of what it said of this pod before."""
        about: list[Sample] = [
            (SOURCE_UP, (source, pod), 1),
            (SOURCE_TIMESTAMP, (source, pod), self._clock()),
        ]
        if seconds is not None:
            about.append((SOURCE_SECONDS, (source, pod), seconds))
        self._say((source, pod), _rendered(samples, histograms), about)

    def fail(self, source: str, *, pod: str = "", samples: Iterable[Sample] = ()) -> None:
        """The source could not be read: its samples vanish, but for what is certain all the same.

        When it was last read stays to be seen.
        """
        with self._lock:
            before = self._about.get((source, pod), [])
        last = [each for each in before if each[0] is SOURCE_TIMESTAMP]
        self._say((source, pod), _rendered(samples), [(SOURCE_UP, (source, pod), 0), *last])

    def forget(self, source: str, *, pod: str = "") -> None:
        """The pod is gone, or the source is."""
        with self._lock:
            self._said.pop((source, pod), None)
            self._about.pop((source, pod), None)
            self._whole = None

    def text(self) -> bytes:
        """All of it, in Prometheus' text format, version 0.0.4."""
        return self._joined()[0]

    def gzipped(self) -> bytes:
        """The same as one gzip member."""
        return self._joined()[1]

    def _say(self, key: _Key, pieces: _Pieces, about: list[Sample]) -> None:
        with self._lock:
            self._said[key] = pieces
            self._about[key] = about
            self._whole = None

    def _joined(self) -> tuple[bytes, bytes]:
        with self._lock:
            if self._whole is None:
                pieces = list(self._in_order())
                text = b"".join(each.text for each in pieces)
                ends = zlib.crc32(text).to_bytes(4, "little"), _size(text)
                deflated = b"".join(each.deflated for each in pieces)
                self._whole = text, b"".join((_GZIP_HEAD, deflated, _DEFLATE_END, *ends))
            return self._whole

    def _in_order(self) -> Iterator[_Piece]:
        """By family, as the format wants it, with its HELP and TYPE first."""
        about = _rendered(sample for key in sorted(self._about) for sample in self._about[key])
        families: dict[str, list[_Piece]] = {}
        for key in sorted(self._said):
            for name, piece in self._said[key].items():
                families.setdefault(name, []).append(piece)
        for name, head in self._heads.items():
            of_family = [*families.get(name, ()), *filter(None, [about.get(name)])]
            if of_family:
                yield head
                yield from of_family


def _rendered(
    samples: Iterable[Sample],
    histograms: Iterable[tuple[Histogram, tuple[str, ...]]] = (),
) -> _Pieces:
    """The lines of each family. Of two samples with the same labels the later one is shown."""
    families: dict[str, dict[str, float]] = {}
    for metric, labels, value in samples:
        if not math.isnan(value):
            name = metric.full_name
            families.setdefault(name, {})[_series(metric, labels)] = value
    for histogram, labels in histograms:
        lines = families.setdefault(histogram.metric.full_name, {})
        lines.update(histogram.samples(labels))
    return {name: _Piece.of(_lines(series)) for name, series in families.items()}


def _lines(series: dict[str, float]) -> str:
    return "".join([f"{name} {_number(value)}\n" for name, value in series.items()])


def _series(metric: Metric, labels: tuple[str, ...]) -> str:
    inner = _inner(metric, labels)
    return f"{metric.full_name}{{{inner}}}" if inner else metric.full_name


def _inner(metric: Metric, labels: tuple[str, ...]) -> str:
    pairs = zip(metric.labels, labels, strict=True)
    return ",".join([f'{name}="{_escaped(value)}"' for name, value in pairs])


def _escaped(value: str) -> str:
    if len(value) > _LONGEST_LABEL:
        value = value[:_LONGEST_LABEL]
    return value if _PLAIN.fullmatch(value) else value.translate(_ESCAPES)


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _head(metric: Metric) -> str:
    told = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {metric.full_name} {told}\n# TYPE {metric.full_name} {metric.kind}\n"


def _size(text: bytes) -> bytes:
    return (len(text) % 2**32).to_bytes(4, "little")
