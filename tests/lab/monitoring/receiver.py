"""Where a test's alerts arrive: a server that keeps what Alertmanager posts to it."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Receiver:
    """The alerts that arrived, oldest first."""

    port: int = 0
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def arrived(self, name: str, status: str, **labels: str) -> list[dict[str, Any]]:
        """Those of that name, `firing` or `resolved`, with these labels."""
        wanted = {"alertname": name, **labels}.items()
        return [
            one
            for one in self.alerts
            if one["status"] == status and wanted <= one["labels"].items()
        ]

    def wait_for(self, seconds: float, name: str, status: str, **labels: str) -> dict[str, Any]:
        """The newest such alert, as soon as there is one."""
        deadline = time.monotonic() + seconds
        while not (found := self.arrived(name, status, **labels)):
            assert time.monotonic() < deadline, (name, status, labels, self.alerts)
            time.sleep(0.5)
        return found[-1]


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    """Listens on every address: the lab's own is there only once the lab is up."""
    kept = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.alerts += json.loads(body)["alerts"]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
