"""Brings an artifact to a host, unless it is there already."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from provision import contract
from provision.errors import Refusal
from provision.hosts.connection import Connection
from provision.releases.cache import sha256_of
from provision.releases.store import Artifact


def ship(artifact: Artifact, connection: Connection) -> bool:
    """Puts tarball, manifest and signature into contract.ARTIFACTS; whether anything was sent.

    Each file appears whole or not at all, the manifest's signature last.
    """
    if artifact.signature is None:
        raise Refusal(
            f"release {artifact.release_id}",
            "it is not signed, and no host would take it",
            "Build it with `podfleet build`, which signs.",
        )
    files = {
        contract.ARTIFACTS / artifact.path.name: artifact.path,
        contract.ARTIFACTS / artifact.manifest_path.name: artifact.manifest_path,
        contract.ARTIFACTS / f"{artifact.manifest_path.name}.sig": artifact.signature,
    }
    there = _checksums(connection, list(files))
    missing = {name: path for name, path in files.items() if there.get(name) != sha256_of(path)}
    if missing:
        connection.run(["mkdir", "-p", "-m", "0700", "--", str(contract.ARTIFACTS)])
        for name, path in missing.items():
            _send(connection, path, name)
    return bool(missing)


def _checksums(connection: Connection, names: list[PurePosixPath]) -> dict[PurePosixPath, str]:
    """SHA-256 of those of the files that are on the host."""
    done = connection.run(["sha256sum", "--", *map(str, names)], check=False)
    lines = (line.split(maxsplit=1) for line in done.stdout.decode().splitlines())
    return {PurePosixPath(name): digest for digest, name in lines}


def _send(connection: Connection, path: Path, name: PurePosixPath) -> None:
    try:
        connection.send_file(path, name, 0o600)
    except Refusal as error:
        if "No space left on device" not in error.what:
            raise
        raise Refusal(
            f"host {connection.name}",
            f"its disk is full: {path.name} ({path.stat().st_size >> 20} MiB) does not fit; "
            "nothing of it was kept",
            "Make room there (`podfleet status` lists releases and exports), then run it again.",
        ) from error
