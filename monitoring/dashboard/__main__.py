"""`python -m monitoring.dashboard`: serves the pages on the socket that systemd hands over.

For development it listens by itself (`--uds` or `--port` on 127.0.0.1). It ends when idle.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvicorn

from monitoring.dashboard.app import application
from monitoring.dashboard.idle import Idle
from monitoring.dashboard.settings import PATH, load_settings

FIRST_FD = 3
IDLE_SECONDS = 600.0
# More readers than that wait for nobody.
MOST_CONNECTIONS = 64


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    try:
        settings = load_settings(options.settings)
    except (OSError, ValueError, TypeError) as error:
        print(f"{options.settings}: cannot be read: {error}", file=sys.stderr)
        return 1
    listener = _listener(options, os.environ)
    if listener is None:
        print("no socket was handed over: give --port or --uds", file=sys.stderr)
        return 2
    # What lives as long as the process need not be looked through again for each large page.
    gc.freeze()
    asyncio.run(_serve(listener, Idle(application(settings)), options.idle_seconds))
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m monitoring.dashboard", description=__doc__)
    parser.add_argument("--settings", type=Path, default=PATH, metavar="FILE")
    parser.add_argument("--port", type=int, help="listen on 127.0.0.1 (0: any free port)")
    parser.add_argument("--uds", type=Path, metavar="PATH", help="listen on a unix socket")
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS, metavar="SECONDS")
    return parser.parse_args(argv)


def _listener(options: argparse.Namespace, environment: Mapping[str, str]) -> socket.socket | None:
    """The socket to take connections from; None where there is none."""
    if options.port is not None:
        listener = socket.create_server(("127.0.0.1", options.port))
        print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
        return listener
    if options.uds is not None:
        options.uds.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(options.uds))
        listener.listen()
        return listener
    is_for_us = environment.get("LISTEN_PID") == str(os.getpid())
    if is_for_us and int(environment.get("LISTEN_FDS", "0")) >= 1:
        return socket.socket(fileno=FIRST_FD)
    return None


async def _serve(listener: socket.socket, idle: Idle, most_idle_seconds: float) -> None:
    """Until it is told to end, or nobody has asked for a while."""
    config = uvicorn.Config(
        idle,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    waiting = asyncio.create_task(idle.wait(most_idle_seconds))
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    server.should_exit = True
    await serving


if __name__ == "__main__":
    sys.exit(main())
