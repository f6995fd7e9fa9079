"""The controller's artifacts: what was built, found again by what it was built from.

The store is private to its user, and as trusted as the controller itself: an artifact is signed
with the key of the fleet that asks for it, for several fleets may share one.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from provision.errors import Refusal
from provision.places import cache_directory
from provision.releases.cache import sha256_of, whole_file
from provision.releases.manifest import Manifest, read_manifest

KEPT = 20


@dataclass(frozen=True)
class Artifact:
    """One built release: tarball and manifest, and the signature that hosts ask for."""

    directory: Path
    manifest: Manifest
    release_id: str
    # None: nobody has signed it yet.
    signature: Path | None = None

    @property
    def path(self) -> Path:
        return self.directory / f"{self.release_id}.tar.zst"

    @property
    def manifest_path(self) -> Path:
        return self.directory / f"{self.release_id}.json"

    @property
    def is_whole(self) -> bool:
        """Whether the tarball is the one that the manifest speaks of."""
        return self.path.is_file() and sha256_of(self.path) == self.manifest.tarball_sha256


def store_directory() -> Path:
    """The store; only its user may enter it."""
    directory = cache_directory() / "artifacts"
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    return directory


def find(key: str) -> Artifact | None:
    """The artifact that was built from what `key` stands for, if it is still whole."""
    named = store_directory() / "keys" / key
    if not named.is_file():
        return None
    artifact = read(named.read_text())
    if artifact is None or not artifact.is_whole:
        return None
    os.utime(artifact.manifest_path)
    return artifact


def read(release_id: str) -> Artifact | None:
    """The artifact of that id, if the store has its manifest, unaltered."""
    file = store_directory() / f"{release_id}.json"
    if not file.is_file():
        return None
    manifest = read_manifest(file.read_bytes(), str(file))
    if manifest.release_id != release_id:
        raise Refusal(str(file), "it was altered", "Remove it, then build the release again.")
    return Artifact(store_directory(), manifest, release_id)


def keep(key: str, tarball: Path, manifest: Manifest) -> Artifact:
    """Takes a build's result in; the key is written last, so that it never names half of one."""
    artifact = Artifact(store_directory(), manifest, manifest.release_id)
    with whole_file(artifact.path, 0o600) as partial:
        shutil.copyfile(tarball, partial)
    with whole_file(artifact.manifest_path, 0o600) as partial:
        partial.write_bytes(manifest.to_bytes())
    with whole_file(artifact.directory / "keys" / key, 0o600) as partial:
        partial.write_text(artifact.release_id)
    _prune()
    return artifact


def _prune() -> None:
    """The KEPT that were used last stay; what a host runs lies on the host."""
    for old in sorted(artifacts(), key=_used_at, reverse=True)[KEPT:]:
        old.path.unlink()
        old.manifest_path.unlink()


def _used_at(artifact: Artifact) -> int:
    return artifact.manifest_path.stat().st_mtime_ns


def artifacts() -> list[Artifact]:
    """All that the store holds, newest first."""
    ids = [path.stem for path in store_directory().glob("*.json")]
    found = [artifact for artifact in map(read, ids) if artifact and artifact.path.is_file()]
    return sorted(found, key=lambda artifact: artifact.manifest.built_at, reverse=True)
