"""Settings that podfleet learned from releases it built, beside those of its own catalogue.

A release's own config/defaults.yml knows more than a catalogue that is older than it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from provision.places import cache_directory
from provision.writing import write_atomically

# Of a name's last word: what no fleet file should say in clear.
_SECRET = re.compile(r"(^|_)(password|secret|token|key)\Z")


def learn_settings(release: str, kinds: Mapping[str, str]) -> None:
    """Remembers the settings of a release that was built, and the kind of each."""
    file = _file(release)
    content = json.dumps(kinds, sort_keys=True, indent=1).encode() + b"\n"
    if not file.is_file() or file.read_bytes() != content:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content, mode=0o644)


def learned_settings(release: str) -> dict[str, str]:
    """The kind of each setting that the release was seen to know; none where it was never built."""
    try:
        found = json.loads(_file(release).read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(path): str(kind) for path, kind in found.items()} if isinstance(found, dict) else {}


def looks_secret(path: str) -> bool:
    """Whether a setting of which only the name is known is better kept in the vault."""
    return bool(_SECRET.search(path.rpartition(".")[2]))


def _file(release: str) -> Path:
    return cache_directory() / "settings" / f"{release}.json"
