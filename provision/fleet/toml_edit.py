"""Changes a fleet file in place, as its owner would: comments and order stay."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit

from provision.errors import Refusal
from provision.writing import locked, write_atomically


def set_release(file: Path, pod: str, release: str) -> None:
    """The file names this release for the pod from now on."""
    with _editing(file) as document:
        _pod(file, document, pod)["release"] = release


def add_settings(file: Path, pod: str, tables: Mapping[str, Any]) -> None:
    """The pod's diaspora* settings from elsewhere; what the file states already stays."""
    with _editing(file) as document:
        table = _pod(file, document, pod).setdefault("diaspora", tomlkit.table())
        _add(table, tables)


def _pod(file: Path, document: tomlkit.TOMLDocument, pod: str) -> MutableMapping[str, Any]:
    pods = document.get("pods", {})
    if pod in pods:
        found: MutableMapping[str, Any] = pods[pod]
        return found
    raise Refusal(str(file), f"there is no pod {pod!r}", f"Name one of {', '.join(pods)}.")


def _add(table: MutableMapping[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if not isinstance(value, Mapping):
            table.setdefault(key, value)
        elif value:
            _add(table.setdefault(key, tomlkit.table()), value)


@contextmanager
def _editing(file: Path) -> Iterator[tomlkit.TOMLDocument]:
    with locked(file.parent):
        document = tomlkit.parse(file.read_text(encoding="utf-8"))
        yield document
        mode = stat.S_IMODE(file.stat().st_mode)
        write_atomically(file, tomlkit.dumps(document).encode(), mode=mode)
