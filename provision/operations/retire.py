"""retire: a last export, then everything of the pod goes from the host; the export stays.

Before the removal a failure reopens the pod. Once it has begun there is no way back but the
export: a failure leaves it where it is, and the same command goes on.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from provision.contract import STATE
from provision.errors import Refusal
from provision.operations import candidate, database, presence, recording, units, warming
from provision.operations.commands import run, succeeds
from provision.operations.export import Export
from provision.operations.locks import reload_lock
from provision.operations.operation import Operation, need_record
from provision.operations.step import Evidence, Step
from provision.writing import sync_directory

# Outside of what is removed; no pod can have a hyphen in its name.
KEPT_EXPORTS = STATE / "retired-exports"


def steps(operation: Operation) -> list[Step]:
    """The retirement, top to bottom."""
    retire = _Retire(operation)
    return [
        Step("preflight", retire.preflight),
        *retire.export_steps(),
        Step("remove units", retire.remove_units, no_return=True),
        Step("remove database", retire.remove_database),
        Step("remove queues", retire.remove_queues),
        Step("remove certificate", retire.remove_certificate),
        Step("remove files", retire.remove_files),
        Step("forget", retire.forget),
    ]


class _Retire:
    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.places = operation.places

    def export_steps(self) -> list[Step]:
        """None where an earlier run has the export already, and began to remove."""
        if (self.operation.record or {}).get("is_retiring"):
            return []
        export = Export(self.operation, Path(KEPT_EXPORTS))
        return [Step("close", export.close, export.reopen), *export.archive_steps()]

    def preflight(self, _: Evidence) -> Evidence:
        """Asked for by typing the domain: that of another pod retires nothing."""
        record = need_record(self.operation)
        typed = self.operation.parameters.get("domain")
        if typed != record["domain"]:
            raise Refusal(
                f"pod {self.operation.pod}",
                f"its domain is {record['domain']}, and what was typed is {typed!r}",
                "Type the domain of the pod that shall be retired.",
            )
        if record.get("is_retiring"):
            return {"export": "taken already"}
        return Export(self.operation, Path(KEPT_EXPORTS)).preflight({})

    def remove_units(self, _: Evidence) -> None:
        record = need_record(self.operation)
        recording.write(self.operation, {**record, "is_retiring": True})
        self._end_other_releases(str(record["release_id"]))
        presence.stop(*reversed(units.own_units(self.places, record["release_id"])))
        presence.stop(self.places.redis_unit)
        presence.remove_files(record["manifest"])
        presence.reload_systemd()
        presence.reload_nginx()

    def _end_other_releases(self, live: str) -> None:
        """One before may wait, parked: its processes would keep the user from being removed."""
        warming.cancel(self.places)
        presence.stop(self.places.hold_socket_unit, self.places.hold_unit)
        releases = Path(self.places.releases)
        for release in sorted(releases.iterdir()) if releases.is_dir() else ():
            if release.name != live:
                candidate.end(self.places, release.name, grace_seconds=0)
                presence.stop(self.places.sidekiq_unit(release.name))

    def remove_database(self, _: Evidence) -> Evidence:
        names = database.of_pod(self.places)
        for name in names:
            database.drop(name)
        database.drop_role(self.places)
        return {"dropped": names}

    def remove_queues(self, _: Evidence) -> None:
        directory = Path(self.operation.layout.redis_directory)
        if directory.exists():
            shutil.rmtree(directory)

    def remove_certificate(self, _: Evidence) -> None:
        """Or certbot would go on renewing a name that is not here any more."""
        domain = need_record(self.operation)["domain"]
        if Path(self.operation.layout.certificate(domain)).exists():
            with reload_lock(self.operation.note):
                run(["certbot", "delete", "--non-interactive", "--cert-name", domain])

    def remove_files(self, _: Evidence) -> None:
        """Keys, uploads, releases; then the user, so that its uid is free again."""
        if Path(self.places.home).exists():
            shutil.rmtree(self.places.home)
        if succeeds(["getent", "passwd", self.places.user]):
            run(["userdel", self.places.user])
        if succeeds(["getent", "group", self.places.user]):
            run(["groupdel", self.places.user])

    def forget(self, _: Evidence) -> None:
        """The record goes last: until then the same command goes on where this one ended."""
        layout = self.operation.layout
        if Path(layout.ways_back).exists():
            shutil.rmtree(layout.ways_back)
        for path in (
            layout.canary_tokens,
            layout.partners,
            self.places.refused,
            self.places.record,
        ):
            Path(path).unlink(missing_ok=True)
        Path(self.places.stay_down).unlink(missing_ok=True)
        sync_directory(Path(self.places.state))
