"""A fleet file while it is read: its values, where they stand, and the errors found so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from provision import places
from provision.errors import Refusal
from provision.fleet.complaints import unknown_key, words
from provision.fleet.positions import Positions

INVENTORIES = places.CHECKOUT / "inventories"
FILE_NAME = "fleet.toml"
Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str, ...]


class Reading:
    """Collects errors instead of stopping at the first."""

    def __init__(self, file: Path, text: str, data: dict[str, Any]) -> None:
        self.file, self.data = file, data
        self.positions = Positions(text)
        self._errors: list[tuple[int, Refusal]] = []

    @property
    def called(self) -> str:
        """What the fleet is called on the command line."""
        return call_fleet(self.file)

    @property
    def errors(self) -> bool:
        return bool(self._errors)

    def errors_in_order(self) -> list[Refusal]:
        """Every error found, by line."""
        return [error for _, error in sorted(self._errors, key=lambda found: found[0])]

    def refuse(self, location: Location, what: str, do: str) -> None:
        """Notes one error at the line of its key."""
        line = self.positions.line(location)
        where = f"{self.file}:{line}: {'.'.join(location)}" if location else f"{self.file}:{line}"
        self._errors.append((line, Refusal(where, what, do)))

    def refuse_unknown(
        self, location: Location, table: Mapping[str, Any], known: Iterable[str]
    ) -> None:
        for key in table:
            if key not in known:
                self.refuse((*location, key), *unknown_key(key, known))

    def table(self, key: str) -> dict[str, Any]:
        """A table of the file's top, empty where there is none."""
        value = self.data.get(key, {})
        if isinstance(value, dict):
            return value
        self.refuse((key,), f"{value!r} is no table", "Write its keys below a header of that name.")
        return {}

    def tables(self, key: str) -> dict[str, dict[str, Any]]:
        """The tables [key.*], as they stand in the file, right or wrong."""
        value = self.data.get(key, {})
        if not isinstance(value, dict):
            return {}
        return {name: table for name, table in value.items() if isinstance(table, dict)}

    def models(self, key: str, model: type[Model]) -> dict[str, Model]:
        """The tables [key.*] that are right, by name; what is wrong with the others is noted."""
        found = {}
        for name, value in self.table(key).items():
            if not isinstance(value, dict):
                self.refuse((key, name), f"{value!r} is no table", f"Write [{key}.{name}].")
            elif made := self.model((key, name), model, value, name=name):
                found[name] = made
        return found

    def model(
        self, location: Location, model: type[Model], value: Mapping[str, Any], **more: str
    ) -> Model | None:
        """The table as that model, or None with its errors noted."""
        for given in more.keys() & value.keys():
            known = model.model_fields.keys() - more.keys()
            self.refuse((*location, given), *unknown_key(given, known))
        try:
            return model.model_validate({**value, **more})
        except ValidationError as error:
            self._note(location, model, error, more)
            return None

    def _note(
        self,
        location: Location,
        model: type[BaseModel],
        error: ValidationError,
        more: Iterable[str],
    ) -> None:
        seen = set()
        for detail in error.errors(include_url=False):
            path = _path(detail["loc"])
            if path in seen:
                continue
            seen.add(path)
            place = location if path and path[0] in more else location + path
            known = _fields_at(model, path[:-1]) - set(more)
            self.refuse(place, *words(detail, known))


def call_fleet(file: Path) -> str:
    """What stands for a fleet file on the command line."""
    if file.name != FILE_NAME:
        return str(file)
    return file.parent.name if file.parent.parent == INVENTORIES else str(file.parent)


def _path(location: tuple[int | str, ...]) -> Location:
    """Keys only: an element of a list stands at its list, a member of a union at its key."""
    path: list[str] = []
    for part in location:
        if isinstance(part, int) or part[:1].isupper():
            break
        path.append(part)
    return tuple(path)


def _fields_at(model: type[BaseModel], path: Location) -> set[str]:
    for key in path:
        inner = model.model_fields[key].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return set()
        model = inner
    return set(model.model_fields)
