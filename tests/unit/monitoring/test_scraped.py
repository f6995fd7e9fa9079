"""A real Prometheus scrapes the board: each metric with tricky labels, gzipped as it asks."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitoring import serving
from monitoring.board import Board
from monitoring.metrics import METRICS
from tests.unit.monitoring.dashboard.running import ended, free_port, wait_for
from tests.unit.monitoring.servers import binary
from tests.unit.monitoring.test_board import SHOWN, TRICKY, everything

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: monitor
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@pytest.fixture
def board() -> Board:
    board = Board()
    samples, histograms = everything()
    board.publish("all", samples, histograms=histograms, seconds=1)
    return board


@pytest.fixture
def prometheus(board: Board, tmp_path: Path) -> Iterator[str]:
    server = serving.serve(board, "127.0.0.1", 0)
    config, port = tmp_path / "prometheus.yml", free_port()
    config.write_text(CONFIG.format(port=server.server_port))
    argv = [
        binary("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with ended(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
        wait_for(f"http://127.0.0.1:{port}/-/ready")
        yield f"http://127.0.0.1:{port}"
    server.shutdown()
    server.server_close()


def asked(prometheus: str, query: str) -> list[dict[str, Any]]:
    """What Prometheus finds, once it has scraped."""
    deadline = time.monotonic() + 60
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    while True:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        if found:
            return found
        assert time.monotonic() < deadline, query
        time.sleep(0.2)


def test_prometheus_takes_every_sample(prometheus: str, board: Board) -> None:
    lines = board.text().splitlines()
    shown = sum(not line.startswith(b"#") for line in lines)
    assert asked(prometheus, "up == 1")
    assert asked(prometheus, "scrape_samples_scraped")[0]["value"][1] == str(shown)
    families = asked(prometheus, 'count by (__name__) ({__name__=~"podfleet_.+"})')
    named = {each["metric"]["__name__"] for each in families}
    for metric in METRICS:
        assert {metric.full_name, f"{metric.full_name}_bucket"} & named, metric.name


def test_prometheus_reads_the_labels_as_they_were(prometheus: str) -> None:
    found = asked(prometheus, "podfleet_probe_success")
    # An empty label is none, for Prometheus.
    assert {each["metric"].get("peer", "") for each in found} == {
        SHOWN.get(value, value) for value in TRICKY
    }
