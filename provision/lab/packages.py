"""A caching proxy for Debian's mirrors that all guests share: what one downloaded, all have.

It serves Debian's mirrors only. Files of the pool never change and are kept; indices are asked
for again each time, and the kept ones serve when the mirror cannot be reached. A file `mode`
beside the record says `online`, `offline` (only what is kept) or `down` (nothing: a broken mirror).
"""

from __future__ import annotations

import argparse
import contextlib
import email.utils
import http.client
import os
import secrets
import shutil
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MIRRORS = frozenset({"deb.debian.org", "security.debian.org"})
TIMEOUT_SECONDS = 30
PORT = 3142


class Unavailable(Exception):
    """The mirror cannot be reached, or has no such file."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Cache:
    """Files of the mirrors, by host and path."""

    def __init__(self, directory: Path, mode_file: Path | None = None) -> None:
        self.directory, self.mode_file = directory, mode_file
        self._locks: dict[Path, threading.Lock] = {}
        # Through the controller's own proxy, where it has one.
        self._mirror = urllib.request.build_opener()

    def mode(self) -> str:
        if self.mode_file is None or not self.mode_file.exists():
            return "online"
        return self.mode_file.read_text().strip()

    def get(self, url: str) -> Path:
        """The file behind a URL, downloaded where it has to be."""
        parts = urllib.parse.urlsplit(url)
        segments = urllib.parse.unquote(parts.path).split("/")[1:]
        if parts.hostname not in MIRRORS or ".." in segments:
            raise Unavailable(HTTPStatus.FORBIDDEN, "not a Debian mirror")
        kept = self.directory.joinpath(parts.hostname, *segments)
        with self._locks.setdefault(kept, threading.Lock()):
            return self._get(url, kept, is_fixed={"pool", "by-hash"} & set(segments) != set())

    def _get(self, url: str, kept: Path, *, is_fixed: bool) -> Path:
        mode = self.mode()
        if mode == "down":
            raise Unavailable(HTTPStatus.SERVICE_UNAVAILABLE, "the mirror is down")
        if kept.is_file() and (is_fixed or mode == "offline"):
            return kept
        if mode == "offline":
            raise Unavailable(HTTPStatus.GATEWAY_TIMEOUT, "not kept, and offline")
        try:
            _download(self._mirror, url, kept)
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.NOT_MODIFIED:
                return kept
            raise Unavailable(error.code, error.reason) from error
        except (OSError, http.client.HTTPException) as error:
            if not kept.is_file():
                raise Unavailable(HTTPStatus.BAD_GATEWAY, str(error)) from error
        return kept


def _download(mirror: urllib.request.OpenerDirector, url: str, kept: Path) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "podfleet-lab"})
    if kept.is_file():
        since = email.utils.formatdate(kept.stat().st_mtime, usegmt=True)
        request.add_header("If-Modified-Since", since)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_name(f".{kept.name[:100]}.{secrets.token_hex(4)}")
    try:
        with mirror.open(request, timeout=TIMEOUT_SECONDS) as answer:
            with partial.open("wb") as file:
                shutil.copyfileobj(answer, file, 1 << 18)
            stated = answer.headers.get("Content-Length")
            if stated is not None and int(stated) != partial.stat().st_size:
                raise ConnectionError(f"{url} broke off")
            modified = answer.headers.get("Last-Modified")
        if modified:
            at = email.utils.parsedate_to_datetime(modified).timestamp()
            os.utime(partial, (at, at))
        partial.rename(kept)
    finally:
        partial.unlink(missing_ok=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cache: Cache

    def log_message(self, *words: object) -> None:
        """Only what goes wrong is worth a line: see _answer_error."""

    def do_GET(self) -> None:
        try:
            file = self.cache.get(self.path)
        except Unavailable as error:
            self._answer_error(error)
            return
        with file.open("rb") as content:
            found = os.fstat(content.fileno())
            if self._is_fresh(found.st_mtime):
                self.send_response(HTTPStatus.NOT_MODIFIED)
                self.end_headers()
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Length", str(found.st_size))
            self.send_header("Last-Modified", email.utils.formatdate(found.st_mtime, usegmt=True))
            self.end_headers()
            shutil.copyfileobj(content, self.wfile, 1 << 18)

    def _is_fresh(self, modified: float) -> bool:
        since = self.headers.get("If-Modified-Since")
        if since is None:
            return False
        return email.utils.parsedate_to_datetime(since).timestamp() >= int(modified)

    def _answer_error(self, error: Unavailable) -> None:
        print(f"{self.path}: {error.status} {error.reason}", file=sys.stderr, flush=True)
        body = f"{error.reason}\n".encode()
        self.send_response(error.status, error.reason.splitlines()[0])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def make_server(address: str, port: int, cache: Cache) -> ThreadingHTTPServer:
    """A proxy that listens on one address."""
    handler = type("Handler", (_Handler,), {"cache": cache})
    server = ThreadingHTTPServer((address, port), handler)
    server.daemon_threads = True
    return server


@contextlib.contextmanager
def serving(cache: Path) -> Iterator[str]:
    """The proxy's URL on loopback, while an image is made."""
    server = make_server("127.0.0.1", 0, Cache(cache / "packages"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """The lab's own proxy, as a process beside its guests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("cache", type=Path)
    parser.add_argument("mode_file", type=Path)
    stated = parser.parse_args()
    make_server(stated.address, stated.port, Cache(stated.cache, stated.mode_file)).serve_forever()


if __name__ == "__main__":
    main()
