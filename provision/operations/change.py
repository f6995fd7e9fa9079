"""What every step of an upgrade may ask: the two releases, the way between them, who holds what."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from provision.operations.migrator import Migrator
from provision.operations.operation import Operation, state_of
from provision.operations.paths import AMPLE, Way
from provision.operations.switching import MAINTENANCE_SECONDS, Switch


class Change:
    """One upgrade, read from its journal; it also has what lives as long as one process."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.places = operation.places
        self.new = operation.release_id
        self.migrator = Migrator(self.places, self.new)
        self.switching = Switch(operation, operation.domain)

    @property
    def found(self) -> dict[str, Any]:
        """What the preflight saw: the release before, the way, this release's database."""
        seen: dict[str, Any] = state_of(self.operation).done["preflight"]
        return seen

    @cached_property
    def way(self) -> Way:
        return Way.from_json(self.found["way"])

    @property
    def old(self) -> str:
        return str(self.found["from"])

    @property
    def database(self) -> str:
        return str(self.found["database"])

    @property
    def is_rehearsal(self) -> bool:
        return bool(self.operation.parameters.get("rehearse"))

    @property
    def has_copy(self) -> bool:
        """Whether the candidate boots on a copy that is not yet, or never will be, live."""
        return self.database != self.way.live_database

    @property
    def by_page(self) -> bool:
        """Whether the pod closes with its maintenance page, because a hold would be too long."""
        rehearsed = state_of(self.operation).done.get("rehearse") or {}
        predicted = rehearsed.get("predicted_seconds", self.way.predicted_seconds)
        return bool(self.operation.parameters.get("maintenance")) or (
            float(predicted) > MAINTENANCE_SECONDS
        )

    @property
    def closes(self) -> bool:
        """Whether there is a time in which nobody answers."""
        return self.way.is_breaking or self.way.is_tiny

    @property
    def overlaps(self) -> bool:
        """Whether both pairs of processes fit into the memory at once."""
        return self.way.order == AMPLE

    @property
    def closed_database(self) -> str | None:
        """The old release's database, where the new one does not share it."""
        return self.way.live_database if self.way.is_breaking else None

    @property
    def own_database(self) -> str | None:
        """The new release's database, where it is its own."""
        return self.database if self.way.is_breaking else None
