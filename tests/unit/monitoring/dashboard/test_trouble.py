"""Prometheus away, slow, or answering in halves: words, never a traceback, never a zero."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitoring.dashboard.settings import Settings
from tests.unit.monitoring.dashboard.reading_pages import EVERY_PATH, Answer, get, get_within
from tests.unit.monitoring.dashboard.running import dashboard, free_port

_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n"
_VECTOR = b'{"status":"success","data":{"resultType":"vector","result":%s}}'
_MATRIX = b'{"status":"success","data":{"resultType":"matrix","result":[]}}'
# What comes instead of an answer, and a word of what the page says then.
BAD_ANSWERS: dict[str, tuple[bytes, str]] = {
    "half a body": (_HEAD + b"Content-Length: 900\r\n\r\n" + _VECTOR[:40], "broke off"),
    "half a document": (_HEAD + b"\r\n" + _VECTOR[:40], "broke off, or is not JSON"),
    "nothing": (b"", "does not speak HTTP"),
    "something else": (b"220 mail.example.org ESMTP\r\n", "does not speak HTTP"),
    "a page": (b"HTTP/1.0 502 Bad Gateway\r\n\r\n<html>", "is not JSON"),
    "a list": (_HEAD + b"\r\n[]", "not what its API promises"),
    "no result": (_HEAD + b'\r\n{"status":"success","data":{}}', "not what its API promises"),
    "bad series": (_HEAD + b"\r\n" + _VECTOR % b'[{"metric":{},"value":[1,"x"]}]', "not what"),
    "labels that are none": (
        _HEAD + b"\r\n" + _VECTOR % b'[{"metric":[],"value":[1,"1"]}]',
        "not what",
    ),
    "a label that is a number": (
        _HEAD + b"\r\n" + _VECTOR % b'[{"metric":{"pod":7,"peer":7},"value":[1,"1"]}]',
        "not what its API promises",
    ),
    "no end of lists": (_HEAD + b"\r\n" + b"[" * 200_000, "is not JSON"),
    "a start": (
        b"HTTP/1.0 503 Service Unavailable\r\n\r\nService Unavailable",
        "does not answer yet (503 Service Unavailable): it may be starting",
    ),
    "no series": (_HEAD + b"\r\n" + _VECTOR % b"[7]", "not what its API promises"),
    "its own error": (
        _HEAD + b'\r\n{"status":"error","error":"query <b>timed</b> out in expression"}',
        "could not work it out: query <b>timed</b> out",
    ),
}
Reply = Callable[[bytes], bytes]


@contextlib.contextmanager
def impostor(reply: Reply) -> Iterator[str]:
    """A server that answers each connection with what `reply` makes of the request."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        threading.Thread(target=_accept, args=(listener, reply), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _accept(listener: socket.socket, reply: Reply) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, reply), daemon=True).start()


def _serve(connection: socket.socket, reply: Reply) -> None:
    with connection, contextlib.suppress(OSError):
        connection.sendall(reply(connection.recv(65536)))


def _is_in_words(page: Answer) -> None:
    assert "Traceback" not in page.body
    assert "most recent call" not in page.body


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_an_answer_that_is_none(kind: str) -> None:
    sent, words = BAD_ANSWERS[kind]
    with impostor(lambda _: sent) as url:
        for path in ("/", "/peers", "/alerts", "/pods/alpha"):
            page = get_within(Settings(prometheus=url), path)
            assert page.status == 503, path
            assert words in page.text
            assert "Nothing can be said now." in page.text
            assert "<table" not in page.body and "<b>timed" not in page.body
            _is_in_words(page)


def test_prometheus_away(tmp_path: Path) -> None:
    with dashboard(f"http://127.0.0.1:{free_port()}", tmp_path) as pages:
        for path in EVERY_PATH:
            page = get(pages + path)
            assert page.status == {"/no-such-page": 404, "/runbook": 200}.get(path, 503), path
            _is_in_words(page)
        assert "the connection was refused" in get(f"{pages}/").text


def test_prometheus_hangs(tmp_path: Path) -> None:
    """The page comes at its deadline, for all who ask at the same time."""

    def never(_: bytes) -> bytes:
        time.sleep(30)
        return b""

    with impostor(never) as url, dashboard(url, tmp_path) as pages:
        began = time.monotonic()
        page = get(f"{pages}/")
        assert time.monotonic() - began < 6
        assert page.status == 503
        assert "did not answer within 3 seconds" in page.text


def test_one_question_fails_and_the_rest_is_shown() -> None:
    def reply(request: bytes) -> bytes:
        if b"query_range" in request:
            return _HEAD + b"\r\n" + _MATRIX
        if b"podfleet_scheduled_sends" in request:
            return _HEAD + b'\r\n{"status":"error","error":"too many samples"}'
        series = b'{"metric":{"pod":"alpha","host":"one"},"value":[1,"1"]}'
        is_up = b"outside_success" in request and b"outside_timestamp" not in request
        return _HEAD + b"\r\n" + _VECTOR % (b"[%s]" % (series if is_up else b""))

    with impostor(reply) as url:
        page = get_within(Settings(prometheus=url), "/")
    assert page.status == 200
    assert "Part of this page could not be read." in page.text
    assert "too many samples" in page.text
    assert "What could be read is well; the rest is not known." in page.text
    line = page.row("alpha")
    assert line[1].endswith("yes")
    assert line[5] == "? not known: no data"


def test_a_prometheus_that_knows_nothing_yields_no_zeros() -> None:
    def reply(request: bytes) -> bytes:
        if b"/alerts" in request:
            return _HEAD + b'\r\n{"status":"success","data":{"alerts":[]}}'
        return _HEAD + b"\r\n" + (_MATRIX if b"query_range" in request else _VECTOR % b"[]")

    with impostor(reply) as url:
        settings = Settings(prometheus=url)
        said = get_within(settings, "/")
        assert said.status == 200
        assert "Nothing has been measured yet." in said.text
        assert "No pod has been seen yet." in said.text
        assert "No peer fits." in get_within(settings, "/peers").text
        assert "No canary has flown yet" in get_within(settings, "/canary").text
        assert get_within(settings, "/pods/alpha").status == 404
        for path in ("/deliveries", "/upgrades"):
            assert get_within(settings, path).status == 200


def test_alerts_are_shown_with_what_to_do() -> None:
    told = (
        b'{"labels":{"alertname":"PodDown","severity":"page","pod":"gam<b>ma"},'
        b'"annotations":{"summary":"gamma is <i>down</i>","runbook_url":"docs/runbook.md#poddown"},'
        b'"state":"firing","activeAt":"2026-01-01T00:00:00.123456789Z","value":"0"}'
    )
    data = b'{"status":"success","data":{"alerts":[%s]}}' % told
    with impostor(lambda _: _HEAD + b"\r\n" + data) as url:
        page = get_within(Settings(prometheus=url), "/alerts")
    row = page.rows()[1]
    assert row[:5] == ["✕ bad: firing", "page", "PodDown", "pod gam<b>ma", "gamma is <i>down</i>"]
    assert 'href="/runbook#poddown"' in page.body
    assert "<i>down" not in page.body


@pytest.mark.parametrize(
    "alert", [b'{"labels":[]}', b'{"labels":{"pod":7}}', b'{"annotations":"x"}']
)
def test_alerts_that_are_none(alert: bytes) -> None:
    data = b'{"status":"success","data":{"alerts":[%s]}}' % alert
    with impostor(lambda _: _HEAD + b"\r\n" + data) as url:
        page = get_within(Settings(prometheus=url), "/alerts")
    assert page.status == 503
    assert "not what its API promises" in page.text


def test_many_readers_cost_no_more_than_one(tmp_path: Path) -> None:
    """Answers are kept for some seconds."""
    asked: list[bytes] = []

    def reply(request: bytes) -> bytes:
        asked.append(request)
        return _HEAD + b"\r\n" + (_MATRIX if b"query_range" in request else _VECTOR % b"[]")

    with impostor(reply) as url, dashboard(url, tmp_path) as pages:
        for _ in range(5):
            get(f"{pages}/")
    assert len(asked) == len({request.split(b" ")[1] for request in asked})
