"""Releases that a red gate refused: what a host remembers of them, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

# A release's own last words may be many.
LENGTH = 160


def refused_before(
    refused: Sequence[Mapping[str, Any]], release_id: str
) -> Mapping[str, Any] | None:
    """What the host remembers of the last red gate that this very release met."""
    told = [one for one in refused if one["release_id"] == release_id]
    return told[-1] if told else None


def version_refused(refused: Sequence[Mapping[str, Any]], version: str) -> Mapping[str, Any] | None:
    """The same of any release of that version."""
    told = [one for one in refused if str(one["release_id"]).rpartition("-")[0] == version]
    return told[-1] if told else None


def words_of(told: Mapping[str, Any]) -> str:
    """As `plan`, a dry run and a refusal say it; all of it is in the operation's journal."""
    why = shorten(str(told["why"]), LENGTH, placeholder=" …").rstrip(". ")
    return f"{told['release_id']} was refused on {str(told['at'])[:19]}: {why}"
