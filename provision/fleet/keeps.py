"""Where a fleet's secrets, known hosts and launched pods are kept.

A real fleet keeps them beside its file, so that the directory in Git plus the password is a full
controller. A lab is thrown away: what it keeps lies in the lab's state, outside the tree.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from provision import places


def lab_state(file: Path, name: str) -> Path:
    """The state directory of a lab; two checkouts, or two fleets of one, never share it."""
    digest = hashlib.sha256(f"{file.resolve()}\0{name}".encode()).hexdigest()
    return places.state_directory() / "labs" / f"{name}-{digest[:8]}"


def keeping_place(file: Path, name: str, *, is_lab: bool) -> Path:
    """The directory of secrets.vault, known_hosts and launched.toml."""
    return lab_state(file, name) / "fleet" if is_lab else file.parent
