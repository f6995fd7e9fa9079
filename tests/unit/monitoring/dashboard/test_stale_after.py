"""How old what a source said may be: in that source's own intervals, whatever the fleet says."""

from __future__ import annotations

import pytest

from monitoring.dashboard.settings import STALE_INTERVALS, Settings
from monitoring.outside import watching
from monitoring.pod.exporter import READ_SECONDS
from monitoring.pod.reading import Source
from monitoring.pod.sources import SOURCES


@pytest.mark.parametrize("own_seconds", [10.0, 300.0])
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_what_the_exporter_reads(source: Source, own_seconds: float) -> None:
    """Neither more often where the fleet's pods are looked at more often, nor counted by what
    is read more often than all else: one late look is not yet stale."""
    settings = Settings(own_seconds=own_seconds)
    expected = STALE_INTERVALS * max(source.seconds or READ_SECONDS, READ_SECONDS)
    assert settings.stale_after(source.name) == expected


def test_the_look_from_outside() -> None:
    assert Settings(own_seconds=10).stale_after(watching.SOURCE) == STALE_INTERVALS * 10
