"""How much room there is where a pod's files are."""

from __future__ import annotations

import os

from monitoring.metrics import DISK_FREE, DISK_SIZE
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Reading, Unread


def collect(place: PodPlace) -> Reading:
    """Free is what the pod's own user may still write: a part is kept for root."""
    try:
        seen = os.statvfs(place.home)
    except OSError as error:
        raise Unread(f"the pod's files: {error.strerror}") from None
    return Reading(
        [
            (DISK_FREE, (place.name,), seen.f_bavail * seen.f_frsize),
            (DISK_SIZE, (place.name,), seen.f_blocks * seen.f_frsize),
        ]
    )
