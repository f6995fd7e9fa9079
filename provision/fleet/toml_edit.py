"""Changes a fleet file in place, as its owner would: comments and order stay."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from provision.errors import Refusal
from provision.writing import locked, write_atomically

Document = MutableMapping[str, Any]


def set_release(file: Path, pod: str, release: str) -> None:
    """The file names this release for the pod from now on."""

    def change(document: Document) -> None:
        _pod(file, document, pod)["release"] = release

    _edit(file, pod, change)


def add_settings(file: Path, pod: str, tables: Mapping[str, Any]) -> None:
    """The pod's diaspora* settings from elsewhere; what the file states already stays."""

    def change(document: Document) -> None:
        _add(_pod(file, document, pod), {"diaspora": tables})

    _edit(file, pod, change)


def _pod(file: Path, document: Document, pod: str) -> Document:
    pods = document.get("pods", {})
    if pod in pods:
        found: Document = pods[pod]
        return found
    raise Refusal(str(file), f"there is no pod {pod!r}", f"Name one of {', '.join(pods)}.")


def _add(table: Document, more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if not isinstance(value, Mapping):
            table.setdefault(key, value)
        elif value:
            _add(table.setdefault(key, {}), value)


def _edit(file: Path, pod: str, change: Callable[[Document], None]) -> None:
    """Writes what the change makes of the file, or leaves it as it is."""
    try:
        with locked(file.parent):
            # As bytes: a file from Windows keeps the ends of its lines.
            text = _changed(file, pod, file.read_bytes().decode(), change)
            write_atomically(file, text.encode(), mode=stat.S_IMODE(file.stat().st_mode))
    except OSError as error:
        do = "See to that, then run the same command again."
        raise Refusal(str(file), f"cannot be written: {error.strerror}", do) from error


def _changed(file: Path, pod: str, text: str, change: Callable[[Document], None]) -> str:
    """The text with the change: it says what was said before but for that, or it is refused."""
    document, meant = tomlkit.parse(text), tomllib.loads(text)
    change(meant)
    # tomlkit fails at some tables within a line and some dotted keys, or misplaces what is added.
    where, what = f"{file}: pods.{pod}", "podfleet cannot change it in the way it is written"
    refusal = Refusal(where, what, f"Write it below a header [pods.{pod}], then run it again.")
    try:
        change(document)
        changed = tomlkit.dumps(document)
        is_meant = tomllib.loads(changed) == meant
    except (KeyError, ValueError, TypeError, TOMLKitError) as error:
        raise refusal from error
    if not is_meant:
        raise refusal
    return changed
