"""The controller's side of a launch from an export: its identity goes into the vault, and a pod
that podfleet did not make becomes an export first.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.fleet.keys import read_secret_token_rb
from provision.fleet.launched import launched_domains
from provision.fleet.model import Fleet, Pod
from provision.fleet.secrets import Vault
from provision.hosts.connection import Connection
from provision.operations import exports
from provision.operations.importing import FILE_NAME

_CUSTOM_MAGIC = b"PGDMP"


@dataclass(frozen=True)
class ForeignPod:
    """What a podmin brings of a pod that podfleet did not make; all of it are paths."""

    # pg_dump's custom format, or plain SQL.
    database: Path
    # The directory public/uploads, or a tar of it.
    uploads: Path
    secret_token: Path
    oidc_key: Path
    # Redis' dump.rdb, where the podmin has it: deliveries that were still to be made.
    queues: Path | None = None
    release: str | None = None


def pack(foreign: ForeignPod, pod: Pod, addresses: list[str], archive: Path) -> Path:
    """The pod as an export at `archive`; `addresses` are those that its name resolves to now."""
    with exports.writing(archive) as writer:
        writer.add_file(_dump_name(foreign.database), foreign.database)
        writer.add_file(exports.SECRET_TOKEN, foreign.secret_token)
        writer.add_file(exports.OIDC_KEY, foreign.oidc_key)
        if foreign.queues:
            writer.add_file(exports.QUEUES, foreign.queues)
        _add_uploads(writer, foreign.uploads)
        writer.finish(
            {
                "domain": pod.domain,
                "pod": pod.name,
                "release": foreign.release,
                "release_id": None,
                "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "is_final": True,
                "addresses": addresses,
            }
        )
    return archive


def _dump_name(path: Path) -> str:
    with path.open("rb") as file:
        is_custom = file.read(len(_CUSTOM_MAGIC)) == _CUSTOM_MAGIC
    return exports.CUSTOM_DUMP if is_custom else exports.PLAIN_DUMP


def _add_uploads(writer: exports.Writer, uploads: Path) -> None:
    if uploads.is_dir():
        writer.add_tree(exports.UPLOADS, uploads)
        return
    with tarfile.open(uploads) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            if file is not None:
                writer.add_bytes(f"{exports.UPLOADS}/{_below_uploads(member.name)}", file.read())


def _below_uploads(name: str) -> str:
    """Tars are made with and without the leading directories: what follows `uploads/` counts."""
    parts = PurePosixPath(name).parts
    if ".." in parts:
        raise Refusal(name, "leads out of the uploads", "Pack public/uploads again.")
    after = parts[parts.index("uploads") + 1 :] if "uploads" in parts else parts
    return str(PurePosixPath(*(part for part in after if part not in ("/", "."))))


def take_identity(fleet: Fleet, vault: Vault, pod: Pod, archive: Path) -> None:
    """The export's keys become those that the vault holds for the pod.

    Refused where the fleet launched this pod with other keys: then the export is another pod's.
    """
    found: dict[str, bytes] = {}

    def look(name: str, file: IO[bytes]) -> None:
        if name in (exports.SECRET_TOKEN, exports.OIDC_KEY):
            found[name] = file.read()

    index = exports.read_back(archive, look)
    if index["domain"] != pod.domain:
        raise Refusal(
            str(archive),
            f"is an export of {index['domain']}, and pods.{pod.name} has the domain {pod.domain}",
            "Take the right export, or write its domain into the fleet file.",
        )
    secret = read_secret_token_rb(found[exports.SECRET_TOKEN].decode())
    if secret is None:
        raise Refusal(str(archive), "its secret_token.rb has no secret", "Take the right file.")
    taken = {"secret_key_base": secret, "oidc_key": found[exports.OIDC_KEY].decode()}
    _refuse_other_keys(fleet, vault, pod, taken)
    vault.update({f"pods.{pod.name}.{key}": value for key, value in taken.items()})


def _refuse_other_keys(fleet: Fleet, vault: Vault, pod: Pod, taken: dict[str, str]) -> None:
    if pod.name not in launched_domains(fleet.keeps):
        return
    for key, value in taken.items():
        kept = vault.get(f"pods.{pod.name}.{key}")
        if kept is not None and kept.strip() != value.strip():
            raise Refusal(
                f"pod {pod.name}",
                f"was launched with another {key} than the export has, and a pod keeps its keys",
                "Take the right export.",
            )


def send_export(connection: Connection, pod: str, archive: Path) -> None:
    """Puts the export where a launch with {"from_export": true} looks for it."""
    places = PodPlaces(pod)
    connection.run(["install", "-d", "-m", "0700", str(places.state)])
    connection.send_file(archive, places.state / FILE_NAME, mode=0o600)


def fetch_export(connection: Connection, remote: PurePosixPath, archive: Path) -> None:
    """An export from the host that made it; read back, so that what arrived is whole."""
    connection.fetch_file(remote, archive)
    exports.read_back(archive)
