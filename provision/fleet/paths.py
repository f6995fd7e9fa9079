"""The files that a fleet file names beside itself: made absolute, and refused where missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from provision.fleet.reading import Reading

Model = TypeVar("Model", bound=BaseModel)
Test = Callable[[Path], bool]

# An SSH key of one's home may be missing on another admin's machine: that shows when it is used.
KEYS: Mapping[str, Mapping[str, tuple[Test, str]]] = {
    "hosts": {"ssh_identity": (Path.is_file, "file")},
    "pods": {
        "customisations": (Path.is_dir, "directory"),
        "nginx_include": (Path.is_file, "file"),
    },
}


def resolve_paths(reading: Reading, table: str, models: Mapping[str, Model]) -> dict[str, Model]:
    """The same hosts or pods with absolute paths; notes those that do not exist."""
    resolved = {}
    for name, model in models.items():
        paths = {}
        for key, (is_there, kind) in KEYS[table].items():
            if (stated := getattr(model, key)) is None:
                continue
            paths[key] = path = reading.file.parent / stated.expanduser()
            if not stated.is_absolute() and str(stated)[:1] != "~" and not is_there(path):
                what = f"there is no {kind} {str(stated)!r} beside the fleet file"
                reading.refuse((table, name, key), what, "Put it there, or mend the path.")
        resolved[name] = model.model_copy(update=paths)
    return resolved
