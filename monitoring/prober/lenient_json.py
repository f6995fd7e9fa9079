"""Strangers' JSON: read as far as it can be understood, with word whether it was clean."""

from __future__ import annotations

import json
from typing import Any

from monitoring.prober.failure import ProbeFailed
from monitoring.reasons import Reason

_MOST_DIGITS = 400
_BOM = b"\xef\xbb\xbf"


def read_json(body: bytes) -> tuple[Any, bool]:
    """The value, and whether the text kept the rules: UTF-8, no BOM, no key twice, no NaN."""
    flaws: list[str] = []
    text = _decode(body, flaws)
    try:
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, flaws),
            parse_int=_whole,
            parse_constant=lambda name: flaws.append(name),
        )
    except (ValueError, RecursionError) as error:
        raise ProbeFailed(Reason.NOT_JSON, _first_words(error)) from error
    return value, not flaws


def _decode(body: bytes, flaws: list[str]) -> str:
    if body.startswith(_BOM):
        flaws.append("BOM")
        body = body.removeprefix(_BOM)
    try:
        return body.decode()
    except UnicodeDecodeError:
        flaws.append("not UTF-8")
        return body.decode("latin-1")


def _whole(digits: str) -> int | float:
    """Python reads no integer of more than 4300 digits: for us, one of 400 is infinite."""
    return int(digits) if len(digits) < _MOST_DIGITS else float(digits)


def _object(pairs: list[tuple[str, Any]], flaws: list[str]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        flaws.append("a key twice")
    return found


def _first_words(error: BaseException) -> str:
    return str(error)[:80] if isinstance(error, ValueError) else "nested too deeply"
