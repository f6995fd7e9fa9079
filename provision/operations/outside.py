"""A pod's files outside of its releases (units, vhost, Redis), when a release changes."""

from __future__ import annotations

from typing import Any

from provision.errors import Refusal
from provision.operations import background, presence, way_back
from provision.operations.effects import DAEMON_RELOAD, RELOAD, RESTART, effects, unit_names
from provision.operations.operation import Operation, need_record
from provision.operations.way_back import WayBack

Manifest = dict[str, Any]


def refuse_redis_changes(operation: Operation, record: dict[str, Any]) -> None:
    """Redis restarts under both releases: that is no part of changing one for the other."""
    redis = unit_names(operation.staged_pod)["redis"]
    found = effects(_without_release(record["manifest"]), _without_release(operation.manifest))
    changed = [one for one in found if one.action == RESTART and one.unit == redis]
    if changed:
        raise Refusal(
            f"pod {operation.pod}",
            f"its Redis would restart with the upgrade: {', '.join(changed[0].reasons)}",
            "Run `podfleet up` first, which applies that by itself, then the upgrade.",
        )


def put_in_place(operation: Operation, record: dict[str, Any], uid: int) -> list[str]:
    """The files as staged; systemd and nginx read theirs again, no process restarts."""
    old, new = _without_release(record["manifest"]), _without_release(operation.manifest)
    if old["files"] == new["files"]:
        return []
    # Of a pod that was launched before there was a latch: its sidekiq takes jobs, also when it
    # starts again while the operation lasts.
    background.lift(operation.places, str(record["release_id"]))
    changed = presence.make_present(operation, uid)
    keep = frozenset(str(entry["path"]) for entry in operation.manifest["files"])
    presence.remove_files(record["manifest"], keep=keep)
    _read_again(old, new)
    return changed


def put_back(operation: Operation, release_id: str) -> None:
    """As they were while that release ran, which is still the recorded one."""
    way_back.put_files_back(operation.places, release_id)
    old = _without_release(need_record(operation)["manifest"])
    _read_again(_without_release(operation.manifest), old)


def go_back(operation: Operation, back: WayBack) -> None:
    """From the recorded release's files to those of the one before."""
    now, then = (_without_release(r["manifest"]) for r in (need_record(operation), back.record))
    if now["files"] == then["files"]:
        return
    way_back.put_files_back(operation.places, back.release_id)
    _read_again(now, then)


def _read_again(old: Manifest, new: Manifest) -> None:
    actions = {one.action for one in effects(old, new)}
    if DAEMON_RELOAD in actions:
        presence.reload_systemd()
    if RELOAD in actions:
        presence.reload_nginx()


def _without_release(manifest: Manifest) -> Manifest:
    files = [entry for entry in manifest["files"] if not entry["path"].startswith("@release/")]
    return {**manifest, "files": files}
