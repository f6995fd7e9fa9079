"""The scrape's answer: GET /metrics from the board's bytes, over loopback, to whoever asks nicely.

A request is small, a connection carries one request, and each has a deadline: nginx is in front,
and nobody holds a thread for longer.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, cast

from monitoring.board import Board

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_BYTES = 16 * 1024
MOST_CONNECTIONS = 16
DEADLINE_SECONDS = 10.0


class _TooLarge(Exception):
    """More was sent than a request may be."""


class _Bounded:
    """A request as http.server reads it, up to MOST_BYTES."""

    def __init__(self, inner: io.BufferedIOBase) -> None:
        self._inner = inner
        self._left = MOST_BYTES

    def readline(self, size: int = -1) -> bytes:
        line = self._inner.readline(min(self._left + 1, size if size >= 0 else MOST_BYTES + 1))
        self._left -= len(line)
        if self._left < 0:
            raise _TooLarge
        return line

    def close(self) -> None:
        self._inner.close()

    @property
    def closed(self) -> bool:
        return self._inner.closed


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0 on purpose: one request a connection."""

    timeout = DEADLINE_SECONDS
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.rfile = cast(Any, _Bounded(self.rfile))

    def handle(self) -> None:
        try:
            super().handle()
        except _TooLarge:
            self._refuse_what_is_too_large()
        except OSError:
            # Whoever asked is gone, or the deadline has passed.
            self.close_connection = True

    def do_GET(self) -> None:
        self._answer(has_body=True)

    def do_HEAD(self) -> None:
        self._answer(has_body=False)

    def version_string(self) -> str:
        return "podfleet-monitor"

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: a scrape every few seconds is no event."""

    def _answer(self, *, has_body: bool) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404)
            return
        is_gzipped = _takes_gzip(self.headers.get("Accept-Encoding", ""))
        body = self.server.board.gzipped() if is_gzipped else self.server.board.text()
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Vary", "Accept-Encoding")
        if is_gzipped:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if has_body:
            self.wfile.write(body)

    def _refuse_what_is_too_large(self) -> None:
        # Nothing of the request is known where its first line was too long.
        self.requestline, self.request_version, self.command = "", "HTTP/1.0", "GET"
        self.close_connection = True
        try:
            self.send_error(431)
        except OSError:
            return


class _Server(ThreadingHTTPServer):
    """Threads that end with the process, so many at a time, each with a deadline."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, board: Board, address: tuple[str, int]) -> None:
        self.board = board
        self._begun: dict[socket.socket, float] = {}
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Binds, and asks no name server for the name of loopback."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "", self.socket.getsockname()[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            is_full = len(self._begun) >= MOST_CONNECTIONS
            if not is_full:
                self._begun[request] = time.monotonic()
        if is_full:
            super().shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._begun.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Twice a second: cuts off whoever drips bytes past the deadline."""
        late = time.monotonic() - DEADLINE_SECONDS
        with self._guard:
            for request, begun in self._begun.items():
                if begun < late:
                    _cut(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: what a client does wrong is no event."""


def serve(board: Board, host: str, port: int) -> ThreadingHTTPServer:
    """Serves from a thread of its own until `shutdown()`; port 0 takes any, see server_port."""
    server = _Server(board, (host, port))
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _takes_gzip(accepted: str) -> bool:
    """Whether Accept-Encoding names gzip, and not with a weight of 0."""
    for each in accepted.split(","):
        name, _, weight = each.replace(" ", "").lower().partition(";")
        if name == "gzip":
            return weight not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _cut(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
