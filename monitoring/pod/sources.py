"""The table of what is read of each pod."""

from __future__ import annotations

from monitoring.pod.reading import Source

SOURCES: tuple[Source, ...] = ()
