"""The package cache against a mirror that lives, changes, breaks off and dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provision.lab.packages import Cache, Unavailable

POOL = "http://deb.debian.org/debian/pool/main/h/hello/hello_2.10-5_amd64.deb"
INDEX = "http://deb.debian.org/debian/dists/trixie/InRelease"


class Mirror(BaseHTTPRequestHandler):
    """A mirror, asked as a proxy would be: with whole URLs."""

    content: dict[str, tuple[bytes, float]] = {}
    asked: list[str] = []
    breaks_off = False

    def log_message(self, *words: object) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path not in self.content:
            self.send_error(404)
            return
        body, modified = self.content[self.path]
        if self.headers.get("If-Modified-Since") == formatdate(modified, usegmt=True):
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (7 if self.breaks_off else 0)))
        self.send_header("Last-Modified", formatdate(modified, usegmt=True))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Mirror]]:
    state = {"content": {POOL: (b"deb", 1e9), INDEX: (b"old", 1e9)}, "asked": []}
    served = type("Served", (Mirror,), state)
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path, mirror: type[Mirror]) -> Cache:
    assert mirror.asked == []  # the cache takes its way to the mirror when it is made
    return Cache(tmp_path / "cache", tmp_path / "mode")


def set_mode(cache: Cache, mode: str) -> None:
    assert cache.mode_file is not None
    cache.mode_file.write_text(mode)


def test_a_package_is_downloaded_once(cache: Cache, mirror: type[Mirror]) -> None:
    assert [cache.get(POOL).read_bytes() for _ in range(3)] == [b"deb"] * 3
    assert mirror.asked == [POOL]


def test_an_index_is_asked_for_again_and_follows_the_mirror(
    cache: Cache, mirror: type[Mirror]
) -> None:
    assert cache.get(INDEX).read_bytes() == b"old"
    assert cache.get(INDEX).read_bytes() == b"old"
    mirror.content[INDEX] = (b"new", 1.1e9)
    assert cache.get(INDEX).read_bytes() == b"new"
    assert mirror.asked == [INDEX] * 3


@pytest.mark.parametrize("url", [POOL, INDEX])
def test_offline_serves_what_is_kept_and_nothing_else(
    cache: Cache, mirror: type[Mirror], url: str
) -> None:
    set_mode(cache, "offline")
    with pytest.raises(Unavailable, match="offline"):
        cache.get(url)
    set_mode(cache, "online")
    kept = cache.get(url).read_bytes()
    set_mode(cache, "offline")
    assert cache.get(url).read_bytes() == kept
    assert mirror.asked == [url]


def test_down_serves_nothing(cache: Cache, mirror: type[Mirror]) -> None:
    cache.get(POOL)
    set_mode(cache, "down")
    with pytest.raises(Unavailable) as refused:
        cache.get(POOL)
    assert refused.value.status == 503


def test_kept_index_serves_while_the_mirror_is_dead(
    cache: Cache, mirror: type[Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.get(INDEX)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    later = Cache(cache.directory)
    assert later.get(INDEX).read_bytes() == b"old"
    with pytest.raises(Unavailable) as refused:
        later.get(POOL)
    assert refused.value.status == 502


def test_a_download_that_breaks_off_is_not_kept(cache: Cache, mirror: type[Mirror]) -> None:
    mirror.breaks_off = True
    with pytest.raises(Unavailable):
        cache.get(POOL)
    mirror.breaks_off = False
    assert cache.get(POOL).read_bytes() == b"deb"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/debian/pool/x",
        "http://deb.debian.org/debian/pool/../../../etc/passwd",
        "http://deb.debian.org/debian/pool/%2e%2e/%2e%2e/x",
        "file:///etc/passwd",
    ],
)
def test_only_debian_s_mirrors_are_served(cache: Cache, mirror: type[Mirror], url: str) -> None:
    with pytest.raises(Unavailable) as refused:
        cache.get(url)
    assert refused.value.status == 403
    assert mirror.asked == []


def test_what_the_mirror_lacks_is_said_in_its_words(cache: Cache, mirror: type[Mirror]) -> None:
    with pytest.raises(Unavailable) as refused:
        cache.get("http://deb.debian.org/debian/pool/nosuch.deb")
    assert refused.value.status == 404
