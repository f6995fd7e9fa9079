"""How processes give way to what serves, and how they stop doing so."""

from __future__ import annotations

import contextlib
import os
import subprocess

NICEST = 19
# What a command line begins with whose work may wait.
GENTLY = ("nice", "-n", str(NICEST), "ionice", "-c", "3")


def set_priority(pid: int, nice: int, *, idle: bool) -> None:
    """Of one process, and of those it forks from now on; one that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    words = ["-c", "3"] if idle else ["-c", "2", "-n", "4"]
    subprocess.run(["ionice", *words, "-p", str(pid)], capture_output=True, check=False)
