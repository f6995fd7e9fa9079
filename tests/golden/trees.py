"""Compares rendered stages with the trees kept here; `PODFLEET_GOLDEN=write` keeps what is new.

A run that writes fails, so that nobody takes it for a comparison.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

GOLDEN = Path(__file__).parent


def files_below(root: Path) -> dict[str, str]:
    """Every file below a directory, as text."""
    found = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text() for path in found}


def assert_golden(rendered: Path, name: str) -> None:
    """The tree is the one that is kept under this name, file for file."""
    kept = GOLDEN / name
    if os.environ.get("PODFLEET_GOLDEN") == "write":
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(rendered, kept)
        raise AssertionError(f"{kept} was written: read its difference, then run this again")
    assert files_below(rendered) == files_below(kept)
