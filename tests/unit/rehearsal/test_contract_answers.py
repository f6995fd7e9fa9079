"""The contract's own judgement: what it lets pass, and what it must not."""

from __future__ import annotations

import pytest

from tests.contract.answers import (
    COUNT,
    GUID,
    TIME,
    VERSION,
    AtLeast,
    Contains,
    Each,
    Maybe,
    fits,
)
from tests.contract.case import Answer, departures
from tests.contract.web import Response

FACTS = {"host": "pod.example.org"}

KEPT: list[tuple[object, object]] = [
    ("https://$host/", "https://pod.example.org/"),
    ("{uri} costs $5", "{uri} costs $5"),
    ({"a": COUNT, "b": Maybe(COUNT)}, {"a": 3}),
    (AtLeast({"a": 1}), {"a": 1, "more": 2}),
    (Each(GUID), ["0123456789abcdef", "fedcba9876543210"]),
    (VERSION, "0.9.1.0"),
    (TIME, "2026-11-22T08:50:21.323Z"),
    ([1, [2]], [1, [2]]),
    (Contains(("a",)), ["b", "a"]),
]
DEPARTED: list[tuple[object, object, str]] = [
    ({"a": 1}, {"a": 1, "b": 2}, ".b: unexpected"),
    ({"a": 1}, {}, ".a: absent"),
    ({"a": Maybe(COUNT)}, {"a": -1}, ".a: -1 is no count"),
    ({"total": COUNT}, {"total": None}, ".total: None is no count"),
    (True, "true", ": 'true', not True"),
    ([1, 2], [1], ": [1], not [1, 2]"),
    (Each(GUID), ["short"], "[0]: 'short' is no guid"),
    (TIME, "2026-11-22 08:50:21", ": '2026-11-22 08:50:21' is no time"),
    (Contains(("a", "b")), ["b"], ": lacks 'a'"),
    (AtLeast({"a": 1}), [], ": [] is no object"),
]


@pytest.mark.parametrize(("expected", "actual"), KEPT, ids=repr)
def test_what_fits(expected: object, actual: object) -> None:
    assert fits(expected, actual, FACTS) == []


@pytest.mark.parametrize(("expected", "actual", "said"), DEPARTED, ids=repr)
def test_what_departs(expected: object, actual: object, said: str) -> None:
    assert fits(expected, actual, FACTS) == [said]


def _response(status: int = 200, body: bytes = b"", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, (), body)


def test_an_answer_is_compared_in_all_its_parts() -> None:
    answer = Answer(200, "text/html", headers={"set-cookie": None}, text=("$host",), json={"a": 1})
    response = _response(202, b"{}", content_type="text/plain", set_cookie="x=1")
    assert departures(answer, response, FACTS) == [
        "status: 202, not 200",
        "set-cookie: 'x=1', where none was",
        "content-type: 'text/plain', not 'text/html'",
        "body: lacks 'pod.example.org'",
        "body.a: absent",
    ]


def test_header_values_are_compared_without_case_and_emptiness_strictly() -> None:
    kept = Answer(404, "text/html; charset=UTF-8")
    assert departures(kept, _response(404, content_type="text/html; charset=utf-8"), FACTS) == []
    empty = Answer(404, empty=True)
    assert departures(empty, _response(404, b"x"), FACTS) == ["body: 1 bytes, not empty"]


def test_a_body_that_is_no_json_is_said() -> None:
    assert departures(Answer(200, json={}), _response(200, b"<html>"), FACTS) == [
        "body: no JSON: '<html>'"
    ]
