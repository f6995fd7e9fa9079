"""What an artifact says of itself, as JSON: its digest names the release, its signature vouches.

Read on the controller and on the host, so by the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from provision.contract import release_id
from provision.errors import Refusal

FORMAT = 1


@dataclass(frozen=True)
class Migration:
    """One file of db/migrate: its name without the suffix, and its digest."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """One built release; field names are the file's keys."""

    release: str
    source: str
    tag: str
    commit: str
    # Digest of the pod's own customisations; empty when it has none.
    customisations: str
    # RbConfig's ruby_version: compiled gems fit no other.
    ruby_abi: str
    # `uname -m` of the builder.
    architecture: str
    # The platform level that the release was built for.
    platform_level: int
    tarball_sha256: str
    tarball_bytes: int
    unpacked_bytes: int
    migrations: tuple[Migration, ...]
    # UTC, ISO 8601.
    built_at: str
    format: int = FORMAT
    # The kind of each setting that the release's own defaults know, by dotted path.
    settings: dict[str, str] | None = None

    @property
    def release_id(self) -> str:
        return release_id(self.release, hashlib.sha256(self.to_bytes()).hexdigest())

    def to_bytes(self) -> bytes:
        """The file's one form: the same manifest is the same bytes."""
        said = {key: value for key, value in asdict(self).items() if value is not None}
        return (json.dumps(said, sort_keys=True, indent=1) + "\n").encode()


def read_manifest(content: bytes, where: str) -> Manifest:
    """The manifest in these bytes; refuses another format, and what is no manifest."""
    try:
        found: dict[str, Any] = json.loads(content)
        if found["format"] != FORMAT:
            raise _foreign(where, f"the manifest has format {found['format']}, not {FORMAT}")
        found["migrations"] = tuple(Migration(**migration) for migration in found["migrations"])
        known = {field.name for field in fields(Manifest)}
        return Manifest(**{key: value for key, value in found.items() if key in known})
    except (ValueError, KeyError, TypeError) as error:
        raise _foreign(where, f"this is no manifest of a release ({error})") from error


def _foreign(where: str, what: str) -> Refusal:
    return Refusal(where, what, "Build the release again with `podfleet build`.")
