"""Drift: one thing on a host that is no longer as the last operation or platform run left it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["content", "missing", "mode", "owner", "stopped", "disabled"]


@dataclass(frozen=True)
class Drift:
    """`where` is a managed file (`@release/…`: inside the live release) or a unit."""

    where: str
    kind: Kind
    # In words, to be read after `where`: "was edited by hand", "has mode 0644 instead of 0640".
    what: str

    @property
    def is_unit(self) -> bool:
        return self.kind in ("stopped", "disabled")

    def __str__(self) -> str:
        return f"{self.where} {self.what}"
