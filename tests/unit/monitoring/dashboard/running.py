"""A real Prometheus over made-up history, and the dashboard as its own process before it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.unit.monitoring.dashboard.synthetic import Fleet, text

CHECKOUT = Path(__file__).resolve().parents[4]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def write_blocks(openmetrics: str, directory: Path) -> Path:
    """Makes the data of a Prometheus that has seen all this."""
    source, data = directory / "metrics.txt", directory / "data"
    source.write_text(openmetrics, encoding="utf-8")
    argv = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    argv += ["--max-block-duration=192h", str(source), str(data)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return data


@contextlib.contextmanager
def prometheus(fleet: Fleet, directory: Path) -> Iterator[str]:
    """Its address; it scrapes nothing."""
    data, port = write_blocks(text(fleet), directory), free_port()
    config = directory / "prometheus.yml"
    config.write_text("global: {}\n")
    argv = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=60d", "--log.level=error",
            f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with ended(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/-/ready")
        yield url


@contextlib.contextmanager
def dashboard(prometheus_url: str, directory: Path, *more: str) -> Iterator[str]:
    """The address of a dashboard that asks this Prometheus."""
    settings = directory / "dashboard.json"
    settings.write_text(json.dumps({"fleet": "example", "prometheus": prometheus_url}))
    argv = [sys.executable, "-P", "-m", "monitoring.dashboard", "--settings", str(settings)]
    with ended(
        subprocess.Popen(
            [*argv, "--port", "0", *more],
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )
    ) as process:
        assert process.stdout
        address = process.stdout.readline().strip().rstrip("/")
        wait_for(f"{address}/style.css")
        yield address


@contextlib.contextmanager
def ended(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> Iterator[subprocess.Popen]:  # type: ignore[type-arg]
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.05)
