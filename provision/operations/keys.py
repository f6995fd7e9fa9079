"""A pod's identity on its host: written once, never over another one."""

from __future__ import annotations

import hashlib
import hmac
import shutil
from pathlib import Path

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations.operation import Operation
from provision.writing import write_atomically

NAMES = ("secret_token.rb", "oidc_key.pem")


def put_in_place(operation: Operation) -> dict[str, list[str]]:
    """Each key that is missing, from the stage; refuses where the host has another one."""
    put = []
    for name in NAMES:
        path, content = Path(operation.places.keys) / name, operation.secret(name)
        if path.exists():
            _refuse_other(operation, path, content)
        else:
            write_atomically(path, content, mode=0o640)
            put.append(name)
        path.chmod(0o640)
        shutil.chown(path, "root", operation.places.user)
    return {"put": put}


def entries(places: PodPlaces) -> list[dict[str, str]]:
    """The keys as the record lists files, so that one made readable is drift as any other."""
    return [
        {
            "path": str(path),
            "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
            "mode": "0640",
            "owner": "root",
            "group": places.user,
        }
        for path in (places.keys / name for name in NAMES)
    ]


def _refuse_other(operation: Operation, path: Path, content: bytes) -> None:
    if not hmac.compare_digest(path.read_bytes(), content):
        raise Refusal(
            str(path),
            f"it is not the key that the vault holds for the pod {operation.pod}, and a key that "
            "was in use is never overwritten",
            "Put the right vault in place; or, if this host's key belongs to a pod that is gone, "
            f"move {operation.places.keys} aside on the host. Then run the same command again.",
        )
