"""Begins an operation: its directory appears whole, and its unit is started without waiting."""

from __future__ import annotations

import json
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations.commands import succeeds, systemctl
from provision.operations.journal import sync_filesystems
from provision.operations.locks import pod_lock
from provision.operations.operation import FORMAT, REQUEST, describe, newest, unfinished
from provision.operations.presence import RUNTIME
from provision.operations.verbs import VERBS
from provision.writing import write_atomically

# The digits after the seconds are milliseconds.
_STAMP = "%Y%m%dT%H%M%S%f"


def start(pod: str, request: dict[str, Any]) -> str:
    """The id of the operation that now runs; refuses while another one is unfinished."""
    places = PodPlaces(pod)
    _refuse_unknown(pod, request)
    Path(places.operations).mkdir(mode=0o700, parents=True, exist_ok=True)
    with pod_lock(Path(places.state) / "start.lock"):
        if found := unfinished(pod):
            # Where its unit gave up, it goes on now; where it runs, this does nothing.
            begin(places)
            raise Refusal(
                f"pod {pod}",
                f"is busy: {describe(found)}",
                f"`podfleet follow --pod {pod}` shows it; run your command again when it is done.",
            )
        operation = _make(places, request)
    begin(places)
    return operation


def _refuse_unknown(pod: str, request: dict[str, Any]) -> None:
    if request.get("format") != FORMAT or request.get("operation") not in VERBS:
        raise Refusal(
            f"pod {pod}",
            f"this host knows no operation {request.get('operation')!r} in format "
            f"{request.get('format')!r}",
            "Run `podfleet up`: it brings podfleet's runtime on the host up to date.",
        )


def _make(places: PodPlaces, request: dict[str, Any]) -> str:
    now, last = datetime.now(UTC), newest(places.name)
    name = name_after(last.id if last else None, now, str(request["operation"]))
    new = Path(places.operations) / f".{name}-{secrets.token_hex(4)}"
    new.mkdir(mode=0o700)
    # What the controller staged belongs to this operation from now on: nothing sent later
    # changes it under its feet.
    if Path(places.desired).exists():
        Path(places.desired).rename(new / "stage")
    kept = {**request, "at": now.isoformat(timespec="seconds"), "runtime": RUNTIME.name}
    write_atomically(new / REQUEST, json.dumps(kept).encode(), mode=0o600)
    sync_filesystems([new])
    new.rename(new.with_name(name))
    sync_filesystems([new.parent])
    return name


def name_after(last: str | None, now: datetime, verb: str) -> str:
    """By its name the newest operation is told: later than the last one, also where the clock was
    set back between them."""
    if last is not None:
        stamp = last.partition("-")[0]
        then = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
        now = max(now, then + timedelta(milliseconds=1))
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{verb}"


def begin(places: PodPlaces) -> None:
    """Lets the unfinished operation run, also one whose unit gave up."""
    succeeds(["systemctl", "reset-failed", places.operation_unit])
    systemctl("start", "--no-block", places.operation_unit)


def forget_stage(directory: Path) -> None:
    """The stage holds secrets: it goes with the verdict."""
    for name in ("stage", "kept"):
        if (directory / name).exists():
            shutil.rmtree(directory / name)
