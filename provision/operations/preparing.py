"""The part of an upgrade that nobody notices: unpack, rehearse, boot the candidate, look at it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from provision.contract import PODS
from provision.errors import Refusal
from provision.operations import (
    background,
    candidate,
    copies,
    database,
    ledger,
    outside,
    release_tree,
)
from provision.operations.change import Change
from provision.operations.configure import (
    refuse_another_domain,
    refuse_closed,
    refuse_not_safe,
)
from provision.operations.disk_peak import DiskPeak
from provision.operations.operation import Operation, need_record, state_of
from provision.operations.paths import Asked, Way, look_ahead
from provision.operations.preflight import POSTGRESQL, artifact_for, refuse_full_disks
from provision.operations.step import NOTHING, Evidence
from provision.releases.verify import unpack_artifact

# At low priority, with nobody waiting.
REHEARSED_SECONDS = 3600.0


class Preparation(Change):
    """The steps while the old release serves."""

    def preflight(self, _: Evidence) -> Evidence:
        """Nothing is touched unless host, artifact, database and memory can carry it."""
        record = need_record(self.operation)
        refuse_another_domain(self.operation, record)
        refuse_closed(self.operation, record)
        refuse_not_safe(self.operation)
        refuse_same_release(self.operation, record)
        outside.refuse_redis_changes(self.operation, record)
        manifest = artifact_for(self.operation)
        asked = Asked(
            [one.name for one in manifest.migrations],
            self.operation.parameters.get("kinds") or {},
            manifest.unpacked_bytes,
            int(self.operation.parameters["host_memory_mb"]),
        )
        way = look_ahead(self.places, record, asked)
        copies_bytes = way.needs_bytes - manifest.unpacked_bytes
        refuse_full_disks({Path(PODS): manifest.unpacked_bytes, POSTGRESQL: copies_bytes})
        self._say(way)
        return {"way": way.to_json(), "from": record["release_id"], "database": self._name(way)}

    def _say(self, way: Way) -> None:
        if way.unknown:
            self.operation.note(
                f"the catalogue does not know {', '.join(way.unknown)}: counted as breaking"
            )
        self.operation.note(
            f"path {way.path}, order {way.order}, predicted hold {way.predicted_seconds:.1f} s"
        )

    def _name(self, way: Way) -> str:
        """The release's database: one of its own where the old code could not live with it."""
        if way.is_breaking or (way.pending and self.is_rehearsal):
            return self.places.database(database.next_number(self.places))
        return way.live_database

    def is_unpacked(self) -> Evidence:
        return {"was_there": Path(self.places.release(self.new)).exists()}

    def unpack(self, _: Evidence) -> Evidence:
        unpack_artifact(release_tree.artifact(self.new), Path(self.places.release(self.new)))
        release_tree.prepare(self.places, self.new)
        background.lower(self.places, self.new)
        return {"assets": release_tree.join_assets(self.places, self.new)}

    def remove_release(self, seen: Evidence) -> None:
        candidate.end(self.places, self.new)
        release = Path(self.places.release(self.new))
        if not seen["was_there"] and release.exists():
            shutil.rmtree(release)

    def settings(self, _: Evidence) -> None:
        release_tree.write_settings(self.operation, self.database)

    def rehearse(self, _: Evidence) -> Evidence:
        """The migrations on a copy: whether they work, how long they and the copying take."""
        with DiskPeak(POSTGRESQL) as peak:
            found = self._rehearsed()
        if self.is_rehearsal:
            # The candidate boots beside all that runs: also what an upgrade would have ended.
            self.migrator.stop()
        return {
            **found, "disk_peak_bytes": peak.bytes, "predicted_seconds": self._predicted(found)
        }  # fmt: skip

    def _rehearsed(self) -> dict[str, Any]:
        live, copy = self.way.live_database, self._copy
        dumped = copies.copy_by_dump(live, copy, self.places)
        copied = self._measure_copy() if self.way.is_breaking else 0.0
        self.migrator.start()
        done = self.migrator.migrate(copy, timeout_seconds=REHEARSED_SECONDS, is_rehearsal=True)
        found = {
            "dump_seconds": dumped, "copy_seconds": copied, "migrations": done,
            "migrate_seconds": round(sum(one["seconds"] for one in done), 3),
            "migrator_peak_mb": self.migrator.peak_mb(), "database_bytes": database.size(copy),
        }  # fmt: skip
        if copy != self.database:
            database.drop(copy)
        return found

    @property
    def _copy(self) -> str:
        """Where the candidate boots on it, it has the new release's name already."""
        return self.database if self.has_copy else f"{self.way.live_database}_rehearsed"

    @property
    def _measured(self) -> str:
        return f"{self._copy}_measured" if self.has_copy else ""

    def _measure_copy(self) -> float:
        """What the copy will take while requests wait: the shorter of two.

        A disk that grows as it is written to takes several times as long for what it never held;
        the upgrade's own copy comes to lie where these were.
        """
        copies.write_out()
        return min(self._copied_once() for _ in range(2))

    def _copied_once(self) -> float:
        seconds = copies.copy_files(
            self._copy, self._measured, self.places, timeout_seconds=REHEARSED_SECONDS
        )
        database.drop(self._measured)
        return seconds

    def _predicted(self, rehearsed: dict[str, Any]) -> float:
        if not self.way.is_breaking:
            return self.way.predicted_seconds
        seconds = ledger.overhead_seconds(self.places)
        seconds += ledger.boot_seconds(self.places) if self.way.is_tiny else 0
        held = float(rehearsed["copy_seconds"]) + float(rehearsed["migrate_seconds"])
        return round(seconds + held, 2)

    def end_rehearsal(self, _: Evidence) -> None:
        """Whatever was made for it goes; not a database that a release has already written to."""
        self.migrator.stop()
        if self._measured:
            database.drop(self._measured)
        if not self.has_copy or "switch" not in state_of(self.operation).before:
            database.drop(self._copy)

    def candidate(self, _: Evidence) -> Evidence:
        """Boots, warms and looks at the new web, on the copy where there is one; then it waits."""
        if self.has_copy:
            self._have_copy()
        self._boot_beside()
        threads = int(self.operation.staged_pod["sizes"]["puma_threads"])
        candidate.warm(self.places, self.new, self.operation.domain, threads)
        seen = candidate.look_at(self.places, self.new, self.operation.domain)
        if self.has_copy:
            self.switching.park_on_copy(self.new, self.database)
        return seen

    def _have_copy(self) -> None:
        """A cut may have come after the copy was dropped."""
        is_whole = database.exists(self.database) and self.database not in database.half_dropped()
        if not is_whole:
            copies.copy_by_dump(self.way.live_database, self.database, self.places)
            self.migrator.start()
            self.migrator.migrate(
                self.database, timeout_seconds=REHEARSED_SECONDS, is_rehearsal=True
            )

    def _boot_beside(self) -> None:
        if self.has_copy:
            # After a cut one may be there, parked on a copy that is gone.
            candidate.end(self.places, self.new)
        if self.overlaps:
            background.start_waiting(self.places, self.new)
        candidate.boot(self.places, self.new)
        if self.overlaps:
            background.await_latch(self.places, self.new)

    def end_candidate(self, _: Evidence) -> None:
        background.stop(self.places, self.new)
        self.switching.wake(self.new)
        candidate.end(self.places, self.new)

    def take_away(self, _: Evidence) -> Evidence:
        """The rehearsal is over: the pod's host is as it was before."""
        state = state_of(self.operation)
        self.end_candidate(NOTHING)
        self.end_rehearsal(NOTHING)
        self.remove_release(state.before["unpack"])
        return {"rehearsed": dict(state.done.get("rehearse") or {})}


def refuse_same_release(operation: Operation, record: dict[str, Any]) -> None:
    if operation.release_id == record["release_id"]:
        raise Refusal(
            f"pod {operation.pod}",
            f"runs {operation.release_id} already",
            "Nothing is to be done; `podfleet plan` shows what the fleet file asks for.",
        )
