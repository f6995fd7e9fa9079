"""An operation that is held at the start of one step, while a test does something to the host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from tests.lab.operations import freezer
from tests.lab.operations.pod_lab import until
from tests.lab.upgrades.upgrade_lab import UpgradeLab

SCRIPT = PurePosixPath("/run/freezer.py")
SECONDS = 240


@contextmanager
def frozen_at(
    lab: UpgradeLab, pod: str, step: str, verb: str = "upgrade", **parameters: Any
) -> Iterator[str]:
    """Starts it; in the block it stands still where `step` begins, after the block it goes on."""
    host, file = lab.host_of(pod), freezer.freeze_file(pod)
    lab.connection(host).send_file(Path(freezer.__file__), SCRIPT)
    watcher = ["systemd-run", "--quiet", "--collect", "--unit=step-freezer", "python3", "-I"]
    lab.on(host, *watcher, str(SCRIPT), pod, verb, step)
    try:
        operation = lab.start(pod, verb, **parameters)
        until(lambda: _is_frozen(lab, pod, operation), SECONDS, f"it is not frozen at {step}")
        yield operation
    finally:
        lab.shell(host, f"systemctl stop step-freezer; [ ! -e '{file}' ] || echo 0 >'{file}'")


def _is_frozen(lab: UpgradeLab, pod: str, operation: str) -> bool:
    said = lab.on(lab.host_of(pod), "cat", str(freezer.freeze_file(pod)), check=False).strip()
    ended = [line for line in lab.journal(pod, operation) if line["event"] == "verdict"]
    assert not ended, f"it has ended before: {ended}"
    return said == "1"
