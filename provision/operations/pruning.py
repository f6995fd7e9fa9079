"""What a host forgets by itself, by two rules: old operations of a pod, and artifacts nobody runs.

Exports are never pruned: only a person knows which copy is the last one.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from provision.contract import ARTIFACTS, PODS, PodPlaces
from provision.operations.operation import operations

KEPT_OPERATIONS = 30
# An artifact that was just shipped for a launch to come is in no release directory yet.
UNUSED_ARTIFACT_SECONDS = 7 * 24 * 3600


def prune(places: PodPlaces) -> None:
    """Called after a verdict: the operation that has it is the pod's newest."""
    for old in list(operations(places.name))[:-KEPT_OPERATIONS]:
        shutil.rmtree(old.directory)
    unpacked = {path.name for path in Path(PODS).glob("*/releases/*")}
    for tarball in Path(ARTIFACTS).glob("*.tar.zst"):
        release_id = tarball.name.removesuffix(".tar.zst")
        is_old = time.time() - tarball.stat().st_mtime > UNUSED_ARTIFACT_SECONDS
        if release_id not in unpacked and is_old:
            for path in Path(ARTIFACTS).glob(f"{release_id}.*"):
                path.unlink(missing_ok=True)
