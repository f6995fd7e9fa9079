"""How an answer is compared with the recorded one: literals, kinds of values, shapes of JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Template

# What a case knows of the pod it asks: host, url, guid, handle... for "$name" in its strings.
Facts = Mapping[str, str]
Test = Callable[[object], bool]


@dataclass(frozen=True)
class Kind:
    """A value that differs from pod to pod: what it must be like."""

    name: str
    test: Test

    def __repr__(self) -> str:
        return f"<{self.name}>"


@dataclass(frozen=True)
class Maybe:
    """A member that may be absent; where it is there, it must fit."""

    expected: object


@dataclass(frozen=True)
class Each:
    """A list whose every member fits."""

    expected: object


@dataclass(frozen=True)
class Contains:
    """A list that has these texts, and others besides."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class AtLeast:
    """A JSON object that has these members, and others besides."""

    expected: Mapping[str, object]


def matching(name: str, pattern: str) -> Kind:
    """Text that a regular expression describes from beginning to end."""
    compiled = re.compile(pattern, re.DOTALL)
    return Kind(name, lambda value: isinstance(value, str) and bool(compiled.fullmatch(value)))


GUID = matching("guid", r"[0-9a-f]{16,}")
TIME = matching("time", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
VERSION = matching("version", r"\d+(\.\d+){3}(-.+)?")
TEXT = Kind("text", lambda value: isinstance(value, str) and value != "")
COUNT = Kind("count", lambda value: isinstance(value, int) and value >= 0)
TRUTH = Kind("true or false", lambda value: isinstance(value, bool))
ANYTHING = Kind("anything", lambda value: True)


def fits(expected: object, actual: object, facts: Facts, where: str = "") -> list[str]:
    """What of `actual` departs from `expected`; empty where nothing does."""
    if isinstance(expected, str):
        expected = Template(expected).safe_substitute(facts)
    if isinstance(expected, Kind):
        return [] if expected.test(actual) else [f"{where}: {actual!r} is no {expected.name}"]
    if isinstance(expected, Maybe):
        return fits(expected.expected, actual, facts, where)
    if isinstance(expected, AtLeast):
        return _members(expected.expected, actual, facts, where, more=True)
    if isinstance(expected, Mapping):
        return _members(expected, actual, facts, where, more=False)
    if isinstance(expected, Contains):
        found = actual if isinstance(actual, list) else []
        return [f"{where}: lacks {text!r}" for text in expected.texts if text not in found]
    if isinstance(expected, Each):
        return _each(expected, actual, facts, where)
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return _sequence(expected, actual, facts, where)
    return [] if expected == actual else [f"{where}: {actual!r}, not {expected!r}"]


def _members(
    expected: Mapping[str, object], actual: object, facts: Facts, where: str, *, more: bool
) -> list[str]:
    if not isinstance(actual, Mapping):
        return [f"{where}: {actual!r} is no object"]
    wrong: list[str] = []
    for name, value in expected.items():
        if name in actual:
            wrong += fits(value, actual[name], facts, f"{where}.{name}")
        elif not isinstance(value, Maybe):
            wrong.append(f"{where}.{name}: absent")
    if not more:
        wrong += [f"{where}.{name}: unexpected" for name in actual if name not in expected]
    return wrong


def _each(expected: Each, actual: object, facts: Facts, where: str) -> list[str]:
    if not isinstance(actual, list):
        return [f"{where}: {actual!r} is no list"]
    wrong = (
        fits(expected.expected, value, facts, f"{where}[{number}]")
        for number, value in enumerate(actual)
    )
    return [line for lines in wrong for line in lines]


def _sequence(expected: Sequence[object], actual: object, facts: Facts, where: str) -> list[str]:
    if not isinstance(actual, list) or len(actual) != len(expected):
        return [f"{where}: {actual!r}, not {list(expected)!r}"]
    pairs = enumerate(zip(expected, actual, strict=True))
    wrong = (fits(one, other, facts, f"{where}[{number}]") for number, (one, other) in pairs)
    return [line for lines in wrong for line in lines]
