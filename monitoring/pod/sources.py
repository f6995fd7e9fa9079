"""The table of what is read of each pod."""

from __future__ import annotations

from monitoring.pod import certificate, delivery_log, disk, facts, queues, units
from monitoring.pod.database import DatabaseSource
from monitoring.pod.reading import Source

SOURCES: tuple[Source, ...] = (
    Source("database", lambda: DatabaseSource().collect),
    Source("redis", lambda: queues.collect),
    Source("log", lambda: delivery_log.begin().collect),
    Source("units", lambda: units.collect),
    Source("facts", lambda: facts.collect),
    Source("certificate", certificate.begin, seconds=300.0),
    Source("disk", lambda: disk.collect),
)
