"""What a source last said long ago is shown as old, whatever table it stands in."""

from __future__ import annotations

import asyncio

import pytest

from monitoring.dashboard.cells import Cell
from monitoring.dashboard.panels import BY_NAME
from monitoring.dashboard.prometheus import Series
from monitoring.dashboard.reading import Asking
from monitoring.dashboard.settings import Settings
from monitoring.dashboard.views.pod import pod
from monitoring.dashboard.views.upgrades import upgrades

NOW = 1_767_226_000.0
KNOWN = {
    "pods": ("alpha", "alpha.example.org", "0.9.1.0", "one"),
    "up": ("alpha",),
    "safety_copies": ("alpha",),
    "users": ("alpha", "half_year"),
    "families": ("alpha", "v6"),
    "peers_by_status": ("alpha", "no_errors", "none"),
}


class _Prometheus:
    """Knows this, and that all sources were last read at one time."""

    def __init__(self, read_at: float) -> None:
        self._by = {panel.expression(pod): name for name, panel in BY_NAME.items()
                    for pod in (".*", "alpha")}  # fmt: skip
        self._read_at = read_at

    async def instant(self, promql: str) -> list[Series]:
        name = self._by[promql]
        if name == "sources":
            sources = [("one", source, "alpha") for source in ("facts", "database", "outside")]
            return [self._series(name, one, self._read_at) for one in sources]
        return [self._series(name, KNOWN[name], 7)] if name in KNOWN else []

    async def over(self, *_: object) -> list[Series]:
        return []

    @staticmethod
    def _series(name: str, labels: tuple[str, ...], value: float) -> Series:
        return Series(dict(zip(BY_NAME[name].labels, labels, strict=True)), ((NOW, value),))


def _cells(read_at: float) -> dict[str, Cell]:
    asking = Asking(_Prometheus(read_at), Settings(), NOW)  # type: ignore[arg-type]
    page = asyncio.run(pod(asking, "alpha"))
    assert page is not None
    (_, _, peers) = page.context["status"][0]
    ((_, (release, *_, copies)),) = asyncio.run(upgrades(asking)).context["releases"]
    return {**dict(page.context["kept"]), "peers": peers, "release": release, "copies": copies}


SAID = ("Databases kept for a way back", "Open accounts, used within half a year",
        "Reached by IPv6", "peers", "release", "copies")  # fmt: skip


@pytest.mark.parametrize("which", SAID)
def test_old_is_shown_as_old_and_new_as_new(which: str) -> None:
    old, new = _cells(NOW - 1200)[which], _cells(NOW - 5)[which]
    assert (old.tone, old.note) == ("unknown", "stale: last read 20 min ago")
    assert (new.tone, new.note) == ("plain", "")
    assert old.text == new.text
