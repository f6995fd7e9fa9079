"""What pydantic found wrong, in podfleet's words: what is wrong, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from provision.fleet.fields import shown

Words = tuple[str, str]


def closest(word: str, known: Iterable[str], at_least: float = 0.65) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=at_least)
    return found[0] if found else None


def unknown_key(key: str, known: Iterable[str]) -> Words:
    """An unknown key with the one that was probably meant, or all that there are."""
    names = sorted(known)
    meant = closest(key, names)
    do = f"Did you mean {meant!r}?" if meant else f"Known here: {', '.join(names)}."
    return f"unknown key {key!r}", do


def words(error: ErrorDetails, known: Iterable[str]) -> Words:
    """What is wrong and what to do, for any error of a model."""
    context: Mapping[str, Any] = error.get("ctx", {})
    kind, value = error["type"], error["input"]
    if kind == "refused":
        return str(context["what"]), str(context["do"])
    if kind == "extra_forbidden":
        return unknown_key(str(error["loc"][-1]), known)
    speak = _WORDS.get(kind)
    return speak(value, context) if speak else (f"{shown(value)} will not do", f"{error['msg']}.")


def _wrong_kind(wanted: str, do: str = "") -> Callable[[Any, Mapping[str, Any]], Words]:
    def speak(value: Any, _: Mapping[str, Any]) -> Words:
        return f"{shown(value)} is no {wanted}", do or f"Write a {wanted}."

    return speak


def _missing(_: Any, __: Mapping[str, Any]) -> Words:
    return "is missing", "Add it."


def _one_of(value: Any, context: Mapping[str, Any]) -> Words:
    return f"{value!r} is not known", f"Write one of {context['expected']}."


def _address(version: str, example: str) -> Callable[[Any, Mapping[str, Any]], Words]:
    def speak(value: Any, _: Mapping[str, Any]) -> Words:
        return f"{value!r} is no {version} address", f"Write one, as {example}."

    return speak


def _network(value: Any, _: Mapping[str, Any]) -> Words:
    return f"{value!r} is no network", 'Write one without host bits, as "203.0.113.0/24".'


def _bound(word: str, key: str) -> Callable[[Any, Mapping[str, Any]], Words]:
    def speak(value: Any, context: Mapping[str, Any]) -> Words:
        return f"{value} is too {word}", f"Write {context[key]} or {_OTHER[word]}."

    return speak


_OTHER = {"small": "more", "large": "less"}
_WORDS: Mapping[str, Callable[[Any, Mapping[str, Any]], Words]] = {
    "missing": _missing,
    "literal_error": _one_of,
    "string_type": _wrong_kind("text", "Write it in quotes."),
    "int_type": _wrong_kind("whole number"),
    "model_type": _wrong_kind("table"),
    "dict_type": _wrong_kind("table"),
    "tuple_type": _wrong_kind("list"),
    "path_type": _wrong_kind("path", "Write it in quotes."),
    "ip_v4_address": _address("IPv4", "203.0.113.10"),
    "ip_v6_address": _address("IPv6", "2001:db8::10"),
    "ip_v4_network": _network,
    "ip_v6_network": _network,
    "greater_than_equal": _bound("small", "ge"),
    "less_than_equal": _bound("large", "le"),
}
