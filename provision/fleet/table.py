"""What every table of the fleet file is: nothing in it is unknown, each field has its words."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def said(description: str, default: Any = ..., **rules: Any) -> Any:
    """A field of the fleet file with the words that document it."""
    return Field(default, description=description, **rules)


class Table(BaseModel):
    """One table of the fleet file: nothing in it is unknown, nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid")
