"""What a pod consists of on its host: its user, directories, units, vhost and Redis.

Declared through pyinfra on the host itself (`@local`), in a process of its own: an operation
starts it, and reads what it changed from its output. What lies inside a release is not here.
"""

from __future__ import annotations

import json
import pwd
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provision.contract import MONITOR_USER, PodPlaces
from provision.operations.layout import PodLayout
from provision.render import read_manifest

Directory = tuple[str, str, str, str]


def directories(places: PodPlaces) -> tuple[Directory, ...]:
    """(path, owner, group, mode). Nobody but the pod and nginx may enter its home: that is what
    keeps pods apart, so what lies below may be readable by all.

    nginx gets in by an ACL: were the home its group's, systemd itself could not enter it for a
    unit with PrivateUsers, in which that group does not exist."""
    pod = places.user
    return (
        (str(places.home), pod, pod, "550"),
        (str(places.releases), "root", "root", "755"),
        (str(places.assets), "root", "root", "755"),
        (str(places.exports), "root", "root", "700"),
        # Sticky: sidekiq makes schedule.yml here, and cannot take the place of what is root's.
        (str(places.shared), "root", pod, "1775"),
        (str(places.keys), "root", pod, "750"),
        # Its own to write in, not to rename: root's chmod would follow a link in their place.
        (str(places.uploads), "root", pod, "775"),
        (str(places.log), "root", pod, "770"),
        (str(PodLayout(places).redis_directory), "redis", "redis", "700"),
    )


def has_monitor() -> bool:
    """Whether the platform has the user that watches pods; one of before does not."""
    return any(entry.pw_name == MONITOR_USER for entry in pwd.getpwall())


def files(stage: Path) -> Iterator[dict[str, Any]]:
    """The stage's files outside of releases, with the path of their content."""
    for entry in read_manifest(stage)["files"]:
        if not entry["path"].startswith("@release/"):
            yield {**entry, "source": str(stage / "files" / entry["path"].lstrip("/"))}


def main(pod: str, stage: Path, uid: int) -> None:
    """Makes it so, and prints what had to be changed: {"changed": [...]}"""
    # pyinfra needs gevent's patches and 0.6 s to start: nothing but this process pays for it.
    from pyinfra.api.config import Config
    from pyinfra.api.connect import connect_all
    from pyinfra.api.inventory import Inventory
    from pyinfra.api.operations import run_ops
    from pyinfra.api.state import State

    make: Any = Inventory
    state = State(make((["@local"], {})), _strict(Config))
    connect_all(state)
    changed = _declare(state, PodPlaces(pod), stage, uid)
    run_ops(state)
    results = {name: meta.did_change() for name, meta in changed.items()}
    json.dump({"changed": sorted(name for name, did in results.items() if did)}, sys.stdout)


def _strict(config: Any) -> Any:
    """One failed operation is a failed deploy."""
    return config(FAIL_PERCENT=0)


def _declare(state: Any, places: PodPlaces, stage: Path, uid: int) -> dict[str, Any]:
    from pyinfra.api.operation import add_op
    from pyinfra.operations import files as on_files
    from pyinfra.operations import server

    from provision.deploys.access import may_enter, may_read_below

    (host,) = state.inventory
    done: dict[str, Any] = {}

    def declare(name: str, operation: Any, **arguments: Any) -> None:
        done[name] = add_op(state, operation, name=name, **arguments)[host]

    declare("group", server.group, group=places.user, gid=uid)
    declare(  # noqa: S604 - no shell is run: it is the user's
        "user", server.user, user=places.user, uid=uid, group=places.user, home=str(places.home),
        create_home=False, ensure_home=False, shell="/usr/sbin/nologin",
    )  # fmt: skip
    for path, user, group, mode in directories(places):
        declare(path, on_files.directory, path=path, user=user, group=group, mode=mode)
    declare("nginx may enter", may_enter, path=str(places.home), user="www-data")
    if has_monitor():
        # No listing of the home, no key, no setting: just the way to the log.
        for entered in (places.home, places.shared):
            declare(f"monitor may enter {entered}", may_enter, path=str(entered), user=MONITOR_USER)
        declare("monitor may read", may_read_below, path=str(places.log), user=MONITOR_USER)
    for entry in files(stage):
        declare(
            entry["path"], on_files.put, src=entry["source"], dest=entry["path"],
            user=entry["owner"], group=entry["group"], mode=entry["mode"],
        )  # fmt: skip
    return done
