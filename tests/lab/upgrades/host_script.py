"""podfleet's own code, run on a guest as an operation there would run it."""

from __future__ import annotations

import json
from typing import Any

from tests.lab.operations.pod_lab import PodLab

# The runtime that was shipped last; what the script leaves in `said` comes back.
_BEGIN = """
import json, os, subprocess, sys, threading, time
from pathlib import Path
newest = max(Path("/opt/podfleet").glob("*/provision"), key=lambda path: path.stat().st_mtime)
sys.path[:0] = [str(newest.parent), str(newest.parent / "site")]
from provision.contract import PodPlaces
from provision.operations import asking, background, holding, memory, units
from provision.operations.commands import psql, run, succeeds, systemctl, unit_properties
from provision.operations.operation import read_record
given = json.loads(sys.argv[1])
places = PodPlaces(given["pod"])
live = read_record(places)["release_id"]
said = None
def redis(*words):
    return run(["redis-cli", "-e", "-s", str(places.redis_socket), *words]).decode().strip()
"""
_END = "\nprint(json.dumps(said))\n"


def on_host(lab: PodLab, pod: str, script: str, **given: Any) -> Any:
    """Runs the script with podfleet's names about the pod; gives back what it calls `said`."""
    argv = ["python3", "-I", "-c", _BEGIN + script + _END, json.dumps({"pod": pod, **given})]
    return json.loads(lab.on(lab.host_of(pod), *argv).splitlines()[-1])
