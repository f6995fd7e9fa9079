"""The files that a fleet file names beside itself: made absolute, and refused where missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from provision.fleet.reading import Reading

Model = TypeVar("Model", bound=BaseModel)

# An SSH key of one's home may be missing on another admin's machine: that shows when it is used.
KEYS: Mapping[str, Mapping[str, tuple[Callable[[Path], bool], str]]] = {
    "hosts": {"ssh_identity": (Path.is_file, "file")},
    "pods": {
        "customisations": (Path.is_dir, "directory"),
        "nginx_include": (Path.is_file, "file"),
    },
}


def check_paths(reading: Reading) -> None:
    """Notes each relative path where there is nothing."""
    for table, keys in KEYS.items():
        for name, values in reading.tables(table).items():
            for key, (is_there, kind) in keys.items():
                stated = values.get(key)
                if not isinstance(stated, str) or stated.startswith(("/", "~")):
                    continue
                if not is_there(reading.file.parent / stated):
                    what = f"there is no {kind} {stated!r} beside the fleet file"
                    reading.refuse((table, name, key), what, "Put it there, or mend the path.")


def absolute(file: Path, table: str, models: Mapping[str, Model]) -> dict[str, Model]:
    """The same hosts or pods with absolute paths."""
    return {name: _absolute(file, table, model) for name, model in models.items()}


def _absolute(file: Path, table: str, model: Model) -> Model:
    stated = {key: getattr(model, key) for key in KEYS[table]}
    paths = {key: file.parent / path.expanduser() for key, path in stated.items() if path}
    return model.model_copy(update=paths)
