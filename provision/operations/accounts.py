"""A pod's first accounts: the administrator, and the canary with what it posts with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from provision.errors import Refusal
from provision.operations.commands import run_as_pod
from provision.operations.operation import Operation
from provision.writing import write_atomically

_MARK = b"podfleet: "


def make_accounts(operation: Operation, *, with_admin: bool = True) -> None:
    """Makes what is missing; the canary's token goes into the state directory, for root alone."""
    pod = operation.staged_pod
    request: dict[str, Any] = {
        "url": f"https://{operation.domain}",
        "canary": {
            "username": pod["canary_user"],
            "email": f"{pod['canary_user']}@{operation.domain}",
            "password": operation.secret("canary_password").decode(),
        },
    }
    if with_admin:
        request["admin"] = {
            **pod["admin"],
            "password": operation.secret("admin_password").decode(),
        }
    token = runner(operation, "accounts.rb", request)
    write_atomically(Path(operation.layout.canary_tokens), json.dumps(token).encode(), mode=0o600)


def runner(operation: Operation, script: str, request: dict[str, Any]) -> dict[str, Any]:
    """Runs one of our scripts in the pod's Rails: the request by stdin, its answer as JSON."""
    record = operation.record
    release = operation.release_id if operation.has_stage else str((record or {})["release_id"])
    path = Path(__file__).with_name(script)
    argv = [str(operation.places.release(release) / "bin" / "rails"), "runner", str(path)]
    said = run_as_pod(operation.places, release, argv, stdin=json.dumps(request).encode())
    answers = [line for line in said.splitlines() if line.startswith(_MARK)]
    if not answers:
        raise Refusal(script, "rails gave no answer", f"Look into {operation.places.log}.")
    found: dict[str, Any] = json.loads(answers[-1].removeprefix(_MARK))
    return found
