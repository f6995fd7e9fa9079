"""The way to the fleet's dashboard: a tunnel through SSH, for as long as somebody looks."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator

from provision.contract import DASHBOARD_SOCKET
from provision.errors import Refusal
from provision.fleet.model import Fleet
from provision.hosts.providers import connect
from provision.report import Report
from provision.watching import monitoring_of

_OPEN_SECONDS = 15.0
Tunnel = subprocess.Popen[bytes]


@contextlib.contextmanager
def dashboard(fleet: Fleet, report: Report, port: int = 0) -> Iterator[tuple[str, Tunnel]]:
    """The dashboard's address on this machine, and the tunnel there; closed at the end.

    `port` 0 takes any that is free.
    """
    host = fleet.hosts[monitoring_of(fleet).host]
    connection = connect(fleet, host, report)
    if connection.run(["test", "-S", str(DASHBOARD_SOCKET)], check=False).returncode != 0:
        raise Refusal(f"host {host.name}", "has no dashboard yet", "Run podfleet up.")
    port = port or _free_port()
    process = subprocess.Popen(
        connection.tunnel_argv(port, DASHBOARD_SOCKET),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _await_open(process, port, host.name)
        yield f"http://127.0.0.1:{port}/", process
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _await_open(process: Tunnel, port: int, host: str) -> None:
    deadline = time.monotonic() + _OPEN_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    process.terminate()
    said = (process.communicate()[1] or b"").decode(errors="replace").strip()
    raise Refusal(
        f"host {host}",
        f"the tunnel to the dashboard does not open: {said or 'no answer in time'}",
        "Choose another --port, or see that its SSH server lets forwardings through.",
    )
