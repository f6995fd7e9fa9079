"""The independent client: that it knows nothing of podfleet, and that its sums are right."""

from __future__ import annotations

import ast
import io
import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from provision.places import CHECKOUT
from tests.load.asking import MIX, Ask, Questions, guid_in, picture
from tests.load.http1 import PARTS, _parts
from tests.load.record import Log, Record, read
from tests.load.summary import longest_gap, summarise

LOAD = CHECKOUT / "tests/load"
GOOD = Record("get", "GET", "/", due=100.0, start=100.0, end=100.1, status=200)


@pytest.mark.parametrize("path", sorted(LOAD.glob("*.py")), ids=lambda path: path.name)
def test_the_client_knows_nothing_of_podfleet(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    imported = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    imported |= {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
    ours = {name for name in imported if name.startswith(("provision", "monitoring", "tests"))}
    assert {name for name in ours if not name.startswith("tests.load")} == set()


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "log"
    failed = replace(GOOD, status=0, error="ConnectionError: closed")
    with path.open("w") as file:
        log = Log(file)
        log.add(GOOD)
        log.add(failed)
        # A line that is still being written is none yet.
        file.write('{"kind": "g')
    assert read(path) == [GOOD, failed]


@pytest.mark.parametrize(
    ("record", "failed"),
    [
        (GOOD, False),
        (replace(GOOD, status=302), False),
        (replace(GOOD, status=503), True),
        (replace(GOOD, status=404), True),
        (replace(GOOD, status=0, error="TimeoutError: "), True),
        (replace(GOOD, error="reset in the body"), True),
    ],
)
def test_what_has_failed(record: Record, failed: bool) -> None:
    assert record.has_failed is failed


def test_a_stretch_has_what_was_under_way_in_it() -> None:
    records = [replace(GOOD, due=at, start=at, end=at + 2.0) for at in (1.0, 4.0, 7.0)]
    assert summarise(records, 3.0, 4.0).counts == {"get": 2}
    assert summarise(records, 3.1, 3.9).counts == {}


def test_the_sum() -> None:
    upload = replace(GOOD, kind="upload", method="POST", path="/api/v1/photos", end=101.0)
    trickle = replace(upload, kind="trickle", end=103.5, spread_seconds=3.0)
    post = replace(GOOD, kind="post", method="POST", path="/api/v1/posts", status=502)
    fast = replace(post, kind="http2", status=201)
    found = summarise([GOOD, upload, trickle, post, fast], 0.0, 200.0)
    assert found.counts == {"get": 1, "http2": 1, "post": 1, "trickle": 1, "upload": 1}
    assert (found.posts, found.uploads, found.failed) == (2, 2, 1)
    assert found.failures == {"post: 502": 1}
    assert (found.slowest, found.slowest_what) == (1.0, "POST /api/v1/photos")


def test_a_request_that_had_to_wait_for_a_free_client_is_slow_as_well() -> None:
    assert replace(GOOD, start=105.0, end=105.1).seconds == pytest.approx(5.1)


def test_the_longest_gap_is_between_answers_of_the_pod_itself() -> None:
    ends = [(1.0, "/", 200), (2.0, "/assets/a.css", 200), (3.0, "/", 503), (5.5, "/", 200)]
    records = [replace(GOOD, end=end, path=path, status=status) for end, path, status in ends]
    assert longest_gap(records, 0.0, 6.0) == 4.5
    assert longest_gap(records, 4.0, 5.5) == 1.5
    assert longest_gap([], 3.0, 4.0) == 1.0


def test_a_body_that_trickles_comes_in_parts_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    body = bytes(range(250))
    spread = list(_parts(Ask("trickle", "POST", "/", {}, body, spread_seconds=3.0)))
    assert (len(spread), b"".join(spread)) == (PARTS, body)
    assert sum(pauses) == pytest.approx(3.0)
    assert list(_parts(Ask("post", "POST", "/", {}, body))) == [body]
    assert list(_parts(Ask("get", "GET", "/"))) == []


def test_the_style_sheet_of_the_last_page_is_asked_for() -> None:
    questions = Questions("token")
    questions.seen(b'<link rel="stylesheet" href="/assets/application-12ab.css">')
    paths = [questions.get().path for _ in range(6)]
    assert paths[-1] == "/assets/application-12ab.css"


def test_every_twenty_requests_hold_posts_and_an_upload() -> None:
    assert len(MIX) == 18
    assert (MIX.count("post"), MIX.count("upload")) == (11, 1)


def test_uploads_are_pictures_and_differ() -> None:
    pictures = {picture() for _ in range(3)}
    assert len(pictures) == 3
    assert all(each.startswith(b"\x89PNG") for each in pictures)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"guid": 1}', b'{"id": "x"}'])
def test_an_answer_without_a_guid(body: bytes) -> None:
    assert guid_in(body) is None


def test_lines_are_written_at_once() -> None:
    file = io.StringIO()
    for _ in itertools.repeat(None, 3):
        Log(file).add(GOOD)
    assert file.getvalue().count("\n") == 3
