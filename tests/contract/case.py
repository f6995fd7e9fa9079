"""What a case is: a request and the answer that real pods gave to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Template

from tests.contract.answers import Facts, Kind, fits
from tests.contract.web import Response, Web

ABSENT = None
# Real pods said 31536000; a web server in front may promise more, never less.
HSTS = Kind("max-age of a year or more", lambda value: _max_age(value) >= 31_536_000)
HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """A recorded answer. `page` says which of the two families of headers it carries."""

    status: int
    content_type: str | None = None
    headers: Mapping[str, object] = field(default_factory=dict)
    json: object = None
    text: tuple[str, ...] = ()
    empty: bool = False


@dataclass(frozen=True)
class Case:
    """One request beside its recorded answer; `$name` in both is filled in from the facts."""

    name: str
    method: str
    path: str
    answer: Answer
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    # Takes what later cases need from the answer, as facts.
    keep: Callable[[Response], dict[str, str]] | None = None


def try_case(case: Case, web: Web, facts: dict[str, str]) -> list[str]:
    """Ask, compare, and keep what later cases need; what departed."""
    headers = {name: _filled(value, facts) for name, value in case.headers.items()}
    body = None if case.body is None else _filled(case.body, facts).encode()
    response = web.ask(case.method, _filled(case.path, facts), headers, body)
    wrong = departures(case.answer, response, facts)
    if case.keep and response.status == case.answer.status:
        facts.update(case.keep(response))
    return wrong


def departures(answer: Answer, response: Response, facts: Facts) -> list[str]:
    """How a response departs from a recorded answer."""
    wrong = fits(answer.status, response.status, facts, "status")
    headers = dict(answer.headers)
    if answer.content_type is not None:
        headers["content-type"] = answer.content_type
    for name, expected in headers.items():
        wrong += _header(name, expected, response, facts)
    for text in answer.text:
        if _filled(text, facts) not in response.text:
            wrong.append(f"body: lacks {_filled(text, facts)!r}")
    if answer.empty and response.body:
        wrong.append(f"body: {len(response.body)} bytes, not empty")
    return wrong + _json(answer, response, facts)


def _header(name: str, expected: object, response: Response, facts: Facts) -> list[str]:
    actual = response.headers.get(name)
    if expected is ABSENT:
        return [] if actual is None else [f"{name}: {actual!r}, where none was"]
    if isinstance(expected, str) and actual is not None:
        return fits(expected.lower(), actual.lower(), facts, name)
    return fits(expected, actual, facts, name)


def _json(answer: Answer, response: Response, facts: Facts) -> list[str]:
    if answer.json is None:
        return []
    try:
        return fits(answer.json, response.json(), facts, "body")
    except ValueError:
        return [f"body: no JSON: {response.text[:80]!r}"]


def _max_age(value: object) -> int:
    found = re.match(r"max-age=(\d+)", str(value))
    return int(found[1]) if found else 0


def _filled(text: str, facts: Facts) -> str:
    return Template(text).safe_substitute(facts)
