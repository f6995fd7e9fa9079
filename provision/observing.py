"""The way to the fleet's dashboard: a tunnel through SSH, for as long as somebody looks."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import NoReturn

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
    port = _free_port(port)
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


def await_end(host: str, tunnel: Tunnel) -> NoReturn:
    """Waits for as long as somebody looks; a tunnel that ends by itself has broken."""
    said = (tunnel.communicate()[1] or b"").decode(errors="replace").strip()
    raise Refusal(
        f"host {host}",
        f"the tunnel to the dashboard broke off: {said or f'ssh ended with {tunnel.returncode}'}",
        "Run podfleet observe again.",
    )


def _free_port(port: int) -> int:
    """This port, or any for 0. Were it taken, whoever has it would answer in our place."""
    try:
        with socket.create_server(("127.0.0.1", port)) as free:
            return int(free.getsockname()[1])
    except OSError as error:
        raise Refusal(
            f"--port {port}",
            f"nothing can be opened there on this machine: {os.strerror(error.errno or 0)}",
            "Choose another --port, or none.",
        ) from error


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
