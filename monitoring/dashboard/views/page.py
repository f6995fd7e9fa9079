"""What a view hands to its template: the template's name, what it shows, and the HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring.dashboard.reading import Reading


@dataclass(frozen=True)
class Page:
    """`path` is the navigation's entry that it belongs to."""

    template: str
    title: str
    path: str
    context: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    troubles: tuple[str, ...] = ()
    # Nothing could be read: the template shows words instead of tables.
    is_blind: bool = False


def shown(template: str, title: str, path: str, reading: Reading, **context: Any) -> Page:
    """A page about a reading: 503 where nothing at all could be read."""
    return Page(
        template,
        title,
        path,
        {"reading": reading, **context},
        503 if reading.is_blind else 200,
        tuple(reading.troubles),
        reading.is_blind,
    )
