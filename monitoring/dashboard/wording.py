"""How the pages say numbers, times and reasons; a value that is not known is said to be so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from monitoring.reasons import WORDS, Reason

UNKNOWN = "no data"
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def duration(seconds: float) -> str:
    """At most two units: `2 d 4 h`, `12 min`, `45 s`; below ten seconds with a fraction."""
    if seconds < 0:
        return "-" + duration(-seconds)
    if seconds < 10:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    place = 0 if seconds >= 86400 else 1 if seconds >= 3600 else 2 if seconds >= 60 else 3
    size, unit = _UNITS[place]
    whole, rest = divmod(seconds, size)
    if place == 3 or whole >= 10:
        return f"{whole:.0f} {unit}"
    smaller, name = _UNITS[place + 1]
    return f"{whole:.0f} {unit}" + (f" {rest // smaller:.0f} {name}" if rest >= smaller else "")


def age(then: float, now: float) -> str:
    """How long ago; clocks differ, so a time can lie ahead of ours."""
    seconds = now - then
    if seconds < -5:
        return f"{duration(-seconds)} ahead of this host's clock"
    # Seconds are of no use where minutes have passed.
    return f"{duration(max(1, round(seconds if seconds < 60 else seconds // 60 * 60)))} ago"


def moment(when: float) -> str:
    """A time as people write it; a number that is no time is said to be none."""
    try:
        return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, OSError, ValueError):
        return "a time that cannot be"


def clock_time(when: float, now: float) -> str:
    """The time of day where that is enough."""
    if 0 <= now - when < 20 * 3600:
        return datetime.fromtimestamp(when, UTC).strftime("%H:%M UTC")
    return moment(when)


def count(value: float) -> str:
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """Never rounded up to all, nor down to nothing."""
    hundredths = share * 100
    if 99.5 <= hundredths < 100 or 0 < hundredths < 0.5:
        return f"{hundredths:.1f} %".replace("100.0", "99.9").replace("0.0 ", "0.1 ")
    return f"{hundredths:.0f} %"


def bytes_size(value: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def said(value: float | None, unit: str) -> str:
    """A value in the words of its unit (see panels.Unit)."""
    if value is None:
        return UNKNOWN
    if unit == "time":
        return moment(value)
    words = {"seconds": duration, "share": percent, "bytes": bytes_size}.get(unit)
    return words(value) if words else _short(value)


def _short(value: float) -> str:
    return count(value) if value == int(value) or value >= 100 else f"{value:.2g}"


def reason_words(label: str | None) -> str:
    """The reason of a metric's label; a newer part may know one that we don't."""
    if label is None:
        return "the reason is not known"
    try:
        return WORDS[Reason(label)]
    except (KeyError, ValueError):
        return label.replace("_", " ")


def listing(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`; many are counted."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} others"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
