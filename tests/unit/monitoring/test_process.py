"""The process that watches on a host, by what it is told: it goes on until it is told to end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import urllib.request
from pathlib import Path

from monitoring.config import MonitorConfig
from monitoring.process import watch


def told(port: int) -> MonitorConfig:
    """A host that has no pods, and watches none."""
    return MonitorConfig(
        host="spare",
        address="127.0.0.1",
        port=port,
        contact="admin@example.org",
        allow_private=True,
        ca_file=None,
        pods=(),
        fleet=(),
        peers=(),
        peer_seconds=300.0,
        own_seconds=30.0,
        canary_seconds=300.0,
        max_peers=10,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


async def test_a_host_without_pods_answers_until_it_is_told_to_end(tmp_path: Path) -> None:
    port = free_port()
    watching = asyncio.create_task(watch(told(port), state=tmp_path, tokens=tmp_path / "none"))
    done, _ = await asyncio.wait({watching}, timeout=1)
    assert not done
    assert "podfleet_monitor_info" in await asyncio.to_thread(scraped, port)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(watching, 10)
