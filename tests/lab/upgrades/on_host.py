"""podfleet's own code, run on a guest as an operation there would run it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.lab.operations.pod_lab import PodLab

# The runtime that was shipped last. `live` is the pod's database; what a script leaves in
# `result` comes back.
_BEGIN = """
import json, os, subprocess, sys, threading, time
from pathlib import Path
newest = max(Path("/opt/podfleet").glob("*/provision"), key=lambda path: path.stat().st_mtime)
sys.path[:0] = [str(newest.parent), str(newest.parent / "site")]
from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import copies, database, orphans, preflight, releases
from provision.operations.commands import psql, run, succeeds, systemctl
from provision.operations.migrator import Migrator
from provision.operations.operation import read_record
places = PodPlaces({pod!r})
record = read_record(places)
live, release = record["database"], record["release_id"]
migrator = Migrator(places, release)
result = None
def appears(sql):
    deadline = time.monotonic() + 30
    while psql(sql) == "0":
        assert time.monotonic() < deadline, sql
def refused(do, *arguments, **named):
    try:
        do(*arguments, **named)
    except Refusal as refusal:
        told = [type(refusal).__name__, str(refusal)]
        return told + ([refusal.ran] if hasattr(refusal, "ran") else [])
    raise AssertionError("it was not refused")
"""
_END = "\nprint(json.dumps(result))\n"


@dataclass(frozen=True)
class OnHost:
    """The host of a launched pod."""

    lab: PodLab
    pod: str

    def run(self, script: str) -> Any:
        """Runs a script with podfleet's names; gives back what it calls `result`."""
        whole = _BEGIN.replace("{pod!r}", repr(self.pod)) + textwrap.dedent(script) + _END
        said = self.lab.on(self.lab.host_of(self.pod), "python3", "-I", "-", stdin=whole.encode())
        return json.loads(said.splitlines()[-1])


@contextmanager
def with_a_copy(lab: PodLab, pod: str, source: str) -> Iterator[OnHost]:
    """The pod's host with a copy to play with; none of the copies stays, but the migrator does."""
    host = OnHost(lab, pod)
    host.run(f"copies.copy_by_dump(live, {source!r}, places)")
    yield host
    host.run("""
        for name in database.of_pod(places):
            if name != live:
                database.drop(name)
    """)
    assert lab.get(pod) == 200
