"""Runs a command as a pod: its user, its sandbox, its environment, its live release."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations.commands import pod_properties
from provision.operations.operation import read_record


def execute(pod: str, argv: Sequence[str]) -> int:
    """Becomes the command; never returns when that works."""
    places = PodPlaces(pod)
    record = read_record(places)
    if record is None:
        raise Refusal(f"pod {pod}", "is not launched on this host", "Run `podfleet up` first.")
    release = str(record["release_id"])
    channel = "--pty" if sys.stdin.isatty() else "--pipe"
    path = f"{places.release(release)}/bin:/usr/bin:/bin"
    wrapper = ["systemd-run", "--quiet", channel, "--wait", "--collect", f"--setenv=PATH={path}"]
    # env looks bin/rails up in the release; systemd would want a path from the root.
    command = ["/usr/bin/env", "--", *argv]
    os.execvp("systemd-run", [*wrapper, *pod_properties(places, release), "--", *command])
