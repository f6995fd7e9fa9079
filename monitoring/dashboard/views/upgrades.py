"""The ledger of upgrades: how long each was to close its pod, and how long it did."""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.dashboard.cells import Cell, Tone, as_of, cell
from monitoring.dashboard.freshness import SOURCES, Freshness
from monitoring.dashboard.reading import Asking, Reading
from monitoring.dashboard.views.page import Page, shown
from monitoring.dashboard.wording import age, bytes_size, count, duration, moment

PANELS = ("upgrade_predicted", "upgrade_closed", "upgrade_at", "operation", "operation_ok", "pods",
          "version", "newest", "export_at", "export_bytes", "safety_copies", *SOURCES)  # fmt: skip
# A prediction that is missed by this much, and by more than a second, is worth a look.
MISSED_BY = 1.5


@dataclass(frozen=True)
class Upgrade:
    """One entry of the ledger."""

    pod: str
    at: float
    predicted: float | None
    closed: float | None

    def cells(self, now: float) -> list[Cell]:
        return [
            Cell(moment(self.at), note=age(self.at, now)),
            cell(self.predicted, duration),
            cell(self.closed, duration, lambda _: "warn" if self.is_missed else "good"),
        ]

    @property
    def is_missed(self) -> bool:
        if self.predicted is None or self.closed is None:
            return False
        return self.closed > max(self.predicted * MISSED_BY, self.predicted + 1)


async def upgrades(asking: Asking) -> Page:
    reading = await asking.read(*PANELS)
    ledger = _ledger(reading)
    pods = sorted({key[0] for key in reading.values("pods")})
    return shown(
        "upgrades.html",
        "Upgrades",
        "/upgrades",
        reading,
        ledger=[(one.pod, one.cells(reading.now)) for one in ledger],
        releases=[(name, _release(reading, name)) for name in pods],
    )


def _ledger(reading: Reading) -> list[Upgrade]:
    """The newest first; an upgrade shows from the first moment at which it was seen."""
    predicted, closed = _over(reading, "upgrade_predicted"), _over(reading, "upgrade_closed")
    found: dict[tuple[str, float], Upgrade] = {}
    for one in reading.series("upgrade_at"):
        pod = one.labels.get("pod", "")
        for when, at in one.points:
            if at is not None:
                place = (pod, when)
                entry = Upgrade(pod, at, predicted.get(place), closed.get(place))
                found.setdefault((pod, at), entry)
    return sorted(found.values(), key=lambda entry: -entry.at)


def _over(reading: Reading, name: str) -> dict[tuple[str, float], float | None]:
    return {
        (one.labels.get("pod", ""), when): value
        for one in reading.series(name)
        for when, value in one.points
    }


def _release(reading: Reading, name: str) -> list[Cell]:
    release = [key[2] for key in reading.values("pods") if key[0] == name]
    fresh = Freshness(reading).of("facts", name)
    known = [
        Cell(release[-1] if release else "no data", _behind(reading, name)),
        _last(reading, name, "upgrade"),
        _last(reading, name, "rollback"),
        _export(reading, name),
        cell(reading.by("safety_copies").get(name), count),
    ]
    return [as_of(one, fresh) for one in known]


def _behind(reading: Reading, name: str) -> Tone:
    """Whether a peer runs something newer."""
    newest, own = reading.values("newest").get(()), reading.by("version").get(name)
    if newest is None or own is None:
        return "plain"
    return "warn" if own < newest else "good"


def _last(reading: Reading, name: str, verb: str) -> Cell:
    at = reading.values("operation").get((name, verb))
    if at is None:
        return Cell("none known", "unknown")
    ok = reading.values("operation_ok").get((name, verb))
    words = "ended in a way not known" if ok is None else "well" if ok else "failed"
    return Cell(words, "unknown" if ok is None else "good" if ok else "bad", age(at, reading.now))


def _export(reading: Reading, name: str) -> Cell:
    at, size = reading.by("export_at").get(name), reading.by("export_bytes").get(name)
    if at is None:
        return Cell("none known", "unknown")
    return Cell(age(at, reading.now), note="" if size is None else bytes_size(size))
