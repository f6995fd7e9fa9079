"""Where the controller keeps what is in no fleet's directory: caches, state, passwords."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def _directory(variable: str, base_variable: str, default: str) -> Path:
    if stated := os.environ.get(variable):
        return Path(stated)
    return Path(os.environ.get(base_variable) or Path.home() / default) / "podfleet"


def state_directory() -> Path:
    """The lab's machines and secrets, the last runs' logs: not to be lost."""
    return _directory("PODFLEET_STATE", "XDG_STATE_HOME", ".local/state")


def cache_directory() -> Path:
    """Images, artifacts, wheels: can be made again."""
    return _directory("PODFLEET_CACHE", "XDG_CACHE_HOME", ".cache")


def configuration_directory() -> Path:
    """Vault passwords, one file a fleet."""
    return _directory("PODFLEET_CONFIG", "XDG_CONFIG_HOME", ".config")
