"""launch: from a prepared host and a shipped artifact to a pod that serves.

A launch that fails takes back what it made; certificates stay (they are rationed), and so do keys.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from provision.contract import ARTIFACTS, PODS
from provision.errors import Refusal
from provision.operations import (
    accounts,
    certificate,
    database,
    gates,
    keys,
    presence,
    recording,
    release_tree,
    units,
)
from provision.operations.commands import run_as_pod
from provision.operations.importing import Import
from provision.operations.operation import Operation
from provision.operations.preflight import artifact_for, refuse_full_disk
from provision.operations.step import Evidence, Step
from provision.releases.manifest import read_manifest
from provision.releases.verify import unpack_artifact

FIRST_DATABASE = 1


def steps(operation: Operation) -> list[Step]:
    """The launch, top to bottom."""
    launch = _Launch(operation)
    taken = Import(operation, launch.name) if operation.parameters.get("from_export") else None
    return [
        Step("preflight", launch.preflight),
        Step("hold down", launch.hold_down),
        Step("certificate", launch.certificate),
        Step("present", launch.present, launch.absent, launch.pick_uid),
        *([Step("take in", taken.take_in, taken.forget_work)] if taken else []),
        Step("keys", launch.keys),
        Step("unpack", launch.unpack, launch.remove_release, launch.is_unpacked),
        Step("settings", launch.settings),
        *([Step("queues", taken.queues)] if taken else []),
        Step("services", launch.services, launch.stop_services),
        Step("database", launch.database, launch.drop_database, launch.has_database),
        *(_restoring(taken) if taken else []),
        Step("migrate", launch.migrate),
        Step("start", launch.start, launch.stop),
        Step("accounts", launch.accounts),
        Step("switch", launch.switch),
        Step("gates", launch.gates),
        Step("record", launch.record),
        *([Step("forget the export", taken.forget)] if taken else []),
    ]


def _restoring(taken: Import) -> list[Step]:
    return [
        Step("restore", taken.restore),
        Step("uploads", taken.uploads, taken.remove_uploads, taken.has_uploads),
    ]


class _Launch:
    """The work of each step; they share nothing but the operation."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.places = operation.places
        self.name = self.places.database(FIRST_DATABASE)
        self.artifact = release_tree.artifact(operation.release_id)

    def preflight(self, _: Evidence) -> Evidence:
        """Nothing is touched unless the host can carry it and the artifact is what it says."""
        refuse_launched(self.operation)
        manifest = artifact_for(self.operation)
        taken = self.check_export()
        needed = manifest.unpacked_bytes + int(taken.get("needed_bytes", 0))
        free = refuse_full_disk(Path(PODS), needed)
        return {"ruby_abi": manifest.ruby_abi, "disk_free_bytes": free, **taken}

    def check_export(self) -> dict[str, Any]:
        """What the launch is made from, where that is an export."""
        if not self.operation.parameters.get("from_export"):
            return {}
        return Import(self.operation, self.name).check()

    def hold_down(self, _: Evidence) -> None:
        """A boot in the middle of the launch starts nothing half made."""
        units.hold_down(self.places)

    def certificate(self, _: Evidence) -> Evidence:
        return certificate.obtain(self.operation)

    def pick_uid(self) -> Evidence:
        return {"uid": presence.pick_uid(self.places)}

    def present(self, seen: Evidence) -> Evidence:
        return {"changed": presence.make_present(self.operation, seen["uid"])}

    def absent(self, _: Evidence) -> None:
        """The name is not served any more; what is the pod's own (user, keys) does no harm."""
        presence.remove_files(self.operation.manifest)
        presence.reload_systemd()
        presence.reload_nginx()

    def keys(self, _: Evidence) -> Evidence:
        return keys.put_in_place(self.operation)

    def is_unpacked(self) -> Evidence:
        return {"was_there": Path(self.places.release(self.operation.release_id)).exists()}

    def unpack(self, _: Evidence) -> Evidence:
        release = Path(self.places.release(self.operation.release_id))
        unpack_artifact(self.artifact, release)
        release_tree.prepare(self.places, self.operation.release_id)
        return {"assets": release_tree.join_assets(self.places, self.operation.release_id)}

    def remove_release(self, seen: Evidence) -> None:
        release = Path(self.places.release(self.operation.release_id))
        if not seen["was_there"] and release.exists():
            shutil.rmtree(release)

    def settings(self, _: Evidence) -> None:
        release_tree.write_settings(self.operation, self.name)

    def services(self, _: Evidence) -> None:
        """The name answers that it is closed, and Redis runs, before anything needs them."""
        units.close(self.places)
        units.switch(self.places, self.operation.release_id)
        presence.reload_systemd()
        units.start_at_once(self.places.redis_unit)
        presence.reload_nginx()

    def stop_services(self, _: Evidence) -> None:
        """Queues of a pod that never served go with it, also those that an export brought."""
        presence.stop(self.places.redis_unit)
        directory = Path(self.operation.layout.redis_directory)
        if directory.exists():
            shutil.rmtree(directory)

    def has_database(self) -> Evidence:
        return {"was_there": database.exists(self.name)}

    def database(self, _: Evidence) -> Evidence:
        database.ensure(self.places, self.name)
        return {"database": self.name}

    def drop_database(self, seen: Evidence) -> None:
        if not seen["was_there"]:
            database.drop(self.name)

    def migrate(self, _: Evidence) -> Evidence:
        rake = str(self.places.release(self.operation.release_id) / "bin" / "rake")
        run_as_pod(self.places, self.operation.release_id, [rake, "db:migrate"])
        content = (Path(ARTIFACTS) / f"{self.operation.release_id}.json").read_bytes()
        return {"migrations": len(read_manifest(content, "artifact").migrations)}

    def start(self, _: Evidence) -> None:
        """Without waiting: web, sidekiq and the accounts' Rails boot at once."""
        units.let_up(self.places)
        units.enable(self.places, self.operation.release_id)
        units.start(self.places, self.operation.release_id)

    def accounts(self, _: Evidence) -> Evidence:
        """A pod from an export has its administrators already."""
        is_new = not self.operation.parameters.get("from_export")
        accounts.make_accounts(self.operation, with_admin=is_new)
        return {"admin": self.operation.staged_pod["admin"]["username"] if is_new else None}

    def stop(self, _: Evidence) -> None:
        units.hold_down(self.places)
        presence.stop(*reversed(units.own_units(self.places, self.operation.release_id)))

    def switch(self, _: Evidence) -> None:
        units.switch(self.places, self.operation.release_id)
        units.open_up(self.places)

    def gates(self, _: Evidence) -> Evidence:
        return gates.health(self.operation.staged_pod)

    def record(self, _: Evidence) -> Evidence:
        return recording.record(self.operation, self.name)


def refuse_launched(operation: Operation) -> None:
    """A launch never runs over a pod that is there: its way back would take that away."""
    record = operation.record
    if record is None:
        return
    if record.get("is_retiring"):
        raise Refusal(
            f"pod {operation.pod}",
            "is half retired: its export was taken, and its removal did not end",
            "Run `podfleet retire` again first.",
        )
    raise Refusal(
        f"pod {operation.pod}",
        f"is launched on this host already, as {record['domain']} with {record['release_id']}",
        "Run `podfleet configure` to apply the fleet file, `podfleet upgrade` for a release.",
    )
