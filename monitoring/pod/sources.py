"""The table of what is read of each pod."""

from __future__ import annotations

from monitoring.pod import certificate, delivery_log, disk, facts, queues, units
from monitoring.pod.database import DatabaseSource
from monitoring.pod.reading import Source

# Whoever closes a pod is seen to do so before PodDown calls somebody.
FACTS_SECONDS = 10.0

SOURCES: tuple[Source, ...] = (
    Source("database", lambda: DatabaseSource().collect),
    Source("redis", lambda: queues.collect),
    Source("log", lambda: delivery_log.begin().collect),
    Source("units", lambda: units.collect),
    Source("facts", lambda: facts.collect, seconds=FACTS_SECONDS),
    Source("certificate", certificate.begin, seconds=300.0),
    Source("disk", lambda: disk.collect),
)
