"""What the monitor leaves for people to look at: a JSON file a part, whole or not there at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

DIRECTORY = Path("/var/lib/podfleet-monitor")


def write_state(directory: Path, name: str, value: Any) -> None:
    """Replaces `<name>.json`; a reader sees the old one or the new one."""
    path = directory / f"{name}.json"
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    aside.chmod(0o644)
    aside.replace(path)


def read_state(directory: Path, name: str) -> Any:
    """What was left last; None where nothing was, or nothing that can be read."""
    try:
        return json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
