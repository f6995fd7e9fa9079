"""The table of what is read of each pod."""

from __future__ import annotations

from monitoring.pod import queues
from monitoring.pod.database import DatabaseSource
from monitoring.pod.reading import Source

SOURCES: tuple[Source, ...] = (
    Source("database", lambda: DatabaseSource().collect),
    Source("redis", lambda: queues.collect),
)
