"""Holds the host's lock for a platform run: alone, and never during an unfinished operation.

The holder is a unit on the host that lives as long as its SSH channel: when the controller dies
or the network is cut, its standard input ends, and the lock is free.
"""

from __future__ import annotations

import getpass
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from provision.contract import HOST_LOCK, STATE
from provision.errors import Refusal
from provision.hosts.connection import Connection

_HOLDER = Path(__file__).with_name("lock_holder.py")
_HELD = (b"held\n", b"held again\n")


@dataclass
class Held:
    """The lock in hand; `is_resumed` where the last run ended before it was done."""

    is_resumed: bool
    is_done: bool = False


@contextmanager
def host_lock(connection: Connection) -> Iterator[Held]:
    """The host is ours alone until the block ends; refused, saying who has it, when it is not.

    A block that set `is_done` leaves nothing to be resumed.
    """
    process = connection.popen(
        _argv(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdin and process.stdout
        answer = process.stdout.readline()
        if answer not in _HELD:
            raise _refused(connection.name, answer, process)
        held = Held(is_resumed=answer == _HELD[1])
        try:
            yield held
        finally:
            # A connection that was lost has freed the lock already, and left the mark.
            with suppress(BrokenPipeError):
                process.stdin.write(b"done" if held.is_done else b"")
                process.stdin.close()


def _argv() -> list[str]:
    """The script goes along as an argument: the host may have nothing of podfleet yet."""
    unit = f"podfleet-platform-{secrets.token_hex(4)}"
    wrapper = ["systemd-run", "--pipe", "--quiet", "--collect", "--wait", f"--unit={unit}"]
    program = ["python3", "-I", "-c", _HOLDER.read_text(), str(HOST_LOCK), str(STATE)]
    program.append(f"{getpass.getuser()}@{socket.gethostname()}")
    return [*wrapper, "--description=podfleet's platform run", *program]


def _refused(host: str, answer: bytes, process: subprocess.Popen[bytes]) -> Refusal:
    _, errors = process.communicate()
    if answer:
        what = answer.decode(errors="replace").strip()
        return Refusal(f"host {host}", what, "Wait until that ends, then run podfleet up again.")
    return Refusal(
        f"host {host}",
        f"the host's lock could not be taken: {errors.decode(errors='replace').strip()}",
        "It must run systemd and have Python 3 (apt-get install python3).",
    )
