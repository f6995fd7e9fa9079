"""upgrade: another release takes over a running pod, and no request fails.

Everything that can be tried beforehand is tried while the old release serves; what then changes
hands is a symlink, a database of the release's own, and the background jobs. Until the gates are
green, each step knows its way back, and the old release with its database stays as it was.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence

from provision.errors import Refusal
from provision.operations import (
    background,
    candidate,
    copies,
    database,
    facts_file,
    federating,
    keys,
    outside,
    presence,
    recording,
    units,
    warming,
    way_back,
)
from provision.operations.copies import CopyTooLong
from provision.operations.gates import START_SECONDS, GateIsRed
from provision.operations.migrator import LockTooLong, MigrationTooLong
from provision.operations.operation import Operation, need_record, state_of
from provision.operations.paths import EXPAND, Way
from provision.operations.preparing import Preparation
from provision.operations.step import NOTHING, Evidence, Step, in_words

# Background jobs that run longer than this put a breaking upgrade off.
IDLE_SECONDS = 90.0
# An old sidekiq beside the new one: its last jobs may take their time, then it gives them back.
LAST_JOBS_SECONDS = 30.0
LIVE_MIGRATION_SECONDS = 1800.0
# An expand migration waits so long for a table that requests are using, and tries again so often.
LOCK_SECONDS = 2.0
LOCK_TRIES = 5


def steps(operation: Operation) -> Callable[[], Sequence[Step]]:
    """The upgrade, top to bottom; what follows the preflight depends on what that found."""
    return _Upgrade(operation).steps


class _Upgrade(Preparation):
    """The walk, and the steps in which requests, database and background jobs change hands."""

    def steps(self) -> list[Step]:
        """What is known so far of the walk."""
        found = state_of(self.operation).done.get("preflight")
        first = [Step("preflight", self.preflight)]
        if found is None:
            return first
        way = Way.from_json(found["way"])
        prepared = [*first, *self._prepare(way)]
        if self.is_rehearsal:
            return [*prepared, Step("take away", self.take_away)]
        return [*prepared, *self._change_hands(way), *self._conclude()]

    def _prepare(self, way: Way) -> list[Step]:
        """The old release serves, and nothing of this can be seen."""
        return [
            Step("unpack", self.unpack, self.remove_release, self.is_unpacked),
            Step("settings", self.settings),
            *([Step("rehearse", self.rehearse, self.end_rehearsal)] if way.pending else []),
        ] + ([] if not self.is_rehearsal or way.is_tiny else [self._candidate(way)])

    def _change_hands(self, way: Way) -> list[Step]:
        """Requests, database and background jobs go over, each where its order says."""
        closes, sidekiq_first, hand = self.closes, not self.overlaps, self._old_by_hand()
        return [
            Step("keep", self.keep),
            Step("files", self.files, self.put_files_back, self.pick_uid),
            *([self._quiet(hand)] if sidekiq_first else []),
            *([Step("expand", self.expand)] if way.path == EXPAND else []),
            *([] if way.is_tiny else [self._candidate(way)]),
            *([self._quiet(hand)] if way.is_breaking and not sidekiq_first else []),
            *([Step("close", self.close, self.open_old, by_hand=hand)] * closes),
            *([Step("move", self.move, self.leave_database, by_hand=hand)] * way.is_breaking),
            Step("switch", self.switch, self.switch_back, by_hand=hand),
            Step("take the place", self.take_the_place, self.give_the_place_back, by_hand=hand),
            Step("background", self.background, self.background_back, by_hand=hand),
        ]

    def _conclude(self) -> list[Step]:
        return [
            Step("gates", self.gates),
            Step("record", self.record, self.record_again, by_hand=self._old_by_hand()),
            Step("keep warm", self.keep_warm),
        ]

    def _candidate(self, way: Way) -> Step:
        return Step("candidate", self.candidate, self.end_candidate)

    def _quiet(self, hand: str) -> Step:
        return Step("quiet", self.quiet, self.old_sidekiq_again, by_hand=hand)

    def keep(self, _: Evidence) -> Evidence:
        """What the pod is now, and how it federates: the way back, and what the gate compares."""
        record = need_record(self.operation)
        way_back.keep(self.operation, record, self.operation.manifest)
        # What was kept warm for the release before this one makes room.
        if previous := record.get("previous"):
            warming.cancel(self.places)
            candidate.end(self.places, str(previous["release_id"]))
        return {federating.BEFORE: federating.before(self.operation)}

    def pick_uid(self) -> Evidence:
        return {"uid": presence.pick_uid(self.places)}

    def files(self, seen: Evidence) -> Evidence:
        """Units and vhost as the new release shall have them; no process restarts."""
        record = need_record(self.operation)
        keys.put_in_place(self.operation)
        return {"changed": outside.put_in_place(self.operation, record, seen["uid"])}

    def put_files_back(self, _: Evidence) -> None:
        outside.put_back(self.operation, self.old)

    def quiet(self, _: Evidence) -> Evidence:
        """The old sidekiq takes no new jobs and ends its last ones; with little memory it goes."""
        began = time.monotonic()
        background.quiet(self.places, self.old)
        if not background.await_idle(self.places, self.old, began + IDLE_SECONDS):
            raise Refusal(
                f"pod {self.operation.pod}",
                f"its background jobs were not done within {IDLE_SECONDS:.0f} s",
                "The old release serves on. Run the same command again when they are.",
            )
        if not self.overlaps:
            background.stop(self.places, self.old)
        return {"seconds": round(time.monotonic() - began, 2)}

    def old_sidekiq_again(self, _: Evidence) -> None:
        """What was told to take no more jobs cannot be told otherwise: a fresh one."""
        background.start_again(self.places, self.old)

    def expand(self, _: Evidence) -> Evidence:
        """On the live database: the old code runs on."""
        before = database.columns(self.database)
        self.migrator.start()
        done = self._migrate_live()
        self.migrator.stop()
        added = sorted(database.columns(self.database) - before)
        if added:
            self.operation.note(f"columns added, which stay in any case: {', '.join(added)}")
        return {"migrations": done, "columns": added}

    def _migrate_live(self) -> list[dict[str, object]]:
        """A migration that does not get its table lets requests go on, and tries again."""
        ran: list[dict[str, object]] = []
        for last in (False,) * (LOCK_TRIES - 1) + (True,):
            try:
                return ran + self.migrator.migrate(
                    self.database,
                    timeout_seconds=LIVE_MIGRATION_SECONDS,
                    lock_timeout_seconds=LOCK_SECONDS,
                )
            except LockTooLong as error:
                if last:
                    raise
                ran += error.ran
                self.operation.note(f"{error.what}; tries again")
                time.sleep(1)
        raise AssertionError("the last try returns or raises")

    # Change hands.

    def close(self, _: Evidence) -> Evidence:
        """From here on requests wait, or see the maintenance page; nobody uses the database."""
        way = self.way
        if way.is_breaking:
            # Again, and at once: after a cut the host has started one that takes jobs.
            self.quiet(NOTHING)
            self._hurry()
            copies.write_out()
        self.switching.close(self.old, by_page=self.by_page, database=self.closed_database)
        if way.is_tiny:
            background.stop(self.places, self.old)
            candidate.end(self.places, self.old)
        return {"by": "maintenance page" if self.by_page else "hold"}

    def open_old(self, _: Evidence) -> None:
        """The old release, on the database that it left untouched."""
        self.switching.open(self.old, database=self.closed_database)

    def _old_by_hand(self) -> str:
        return way_back.by_hand(self.places, self.old, self.way.live_database, instead_of=self.new)

    def move(self, _: Evidence) -> Evidence:
        """The release's own database: a copy of the old one, migrated, while requests wait."""
        try:
            return self._moved()
        except (CopyTooLong, MigrationTooLong) as error:
            raise self.switching.too_long() from error

    def _moved(self) -> Evidence:
        live, left = self.way.live_database, self.switching.seconds_left
        copied = copies.copy_files(live, self.database, self.places, timeout_seconds=left())
        self._hurry()
        done = self.migrator.migrate(self.database, timeout_seconds=left())
        marks = database.marks(self.database)
        return {"copy_seconds": copied, "migrations": done, "marks": marks}

    def _hurry(self) -> None:
        """The migrator is there, and requests wait for it."""
        if not self.migrator.is_running():
            self.migrator.start()
        self.migrator.hurry()

    def leave_database(self, _: Evidence) -> None:
        """What nobody ever wrote to goes; rows written since the switch stay, and are counted."""
        if "switch" not in state_of(self.operation).before:
            database.drop(self.database)

    def switch(self, _: Evidence) -> Evidence:
        """One rename; whoever waited goes on."""
        way = self.way
        if way.is_breaking:
            way_back.note_jobs(self.places, self.old)
        # Where memory is scarce, the web that boots now needs what it holds.
        self.migrator.stop()
        if way.is_tiny or not candidate.is_up(self.places, self.new):
            candidate.take_the_place(self.places, self.new, self.old)
            units.let_up(self.places)
            self._boot_while_held()
        at = time.time()
        closed = self.switching.switch(self.new, watch_from_now=not self.closes)
        return {"at": at, **closed}

    def _boot_while_held(self) -> None:
        """A boot that takes longer than requests may wait turns round as any hold does."""
        seconds = min(START_SECONDS, self.switching.seconds_left())
        try:
            candidate.boot(self.places, self.new, seconds=seconds)
        except GateIsRed:
            self.switching.seconds_left()
            raise

    def switch_back(self, seen: Evidence) -> None:
        """Requests to the old release; over a database of its own they wait until it is open."""
        if not self.closes:
            self.switching.back_at_once(self.old)
            return
        self.switching.leave(self.new, by_page=self.by_page, database=self.own_database)
        self._put_aside()

    def _put_aside(self) -> None:
        """Rows and jobs that the new release made do not go back with the old database."""
        state = state_of(self.operation)
        if not self.way.is_breaking or "switch" not in state.done:
            return
        known = way_back.jobs(self.places, self.old)
        aside = background.put_aside(self.places, self.operation.id, known)
        rows = database.rows_since(self.database, state.done["move"]["marks"])
        self.operation.journal.write(
            "note", text=way_back.left_behind(self.database, rows, aside),
            evidence={"rows_since": rows, "jobs_aside": sum(aside.values())},
        )  # fmt: skip

    def background(self, _: Evidence) -> Evidence:
        """The new sidekiq takes jobs; the old one ends its last ones."""
        if not self.overlaps:
            self.switching.make_room(self.old)
        if not self.way.is_breaking and self.overlaps:
            background.quiet(self.places, self.old)
        background.lift(self.places, self.new)
        background.start_waiting(self.places, self.new)
        background.await_ready(self.places, self.new)
        deadline = time.monotonic() + LAST_JOBS_SECONDS
        is_idle = background.await_idle(self.places, self.old, deadline)
        if not is_idle:
            self.operation.note("jobs of the old release run long: they start again in the new one")
        background.stop(self.places, self.old)
        return {"old_was_idle": is_idle}

    def background_back(self, _: Evidence) -> None:
        """Requests first: the new sidekiq may take its time to end."""
        if not self.closes:
            self.switching.back_at_once(self.old)
        background.stop(self.places, self.new)
        background.lower(self.places, self.new)
        if not self.way.is_breaking and self.overlaps:
            background.start_again(self.places, self.old)

    def take_the_place(self, _: Evidence) -> None:
        """After a boot, too; the old web waits, parked, for as long as memory allows."""
        candidate.take_the_place(self.places, self.new, self.old)
        units.let_up(self.places)
        presence.reload_systemd()
        if not candidate.is_up(self.places, self.new):
            candidate.boot(self.places, self.new)
        self.switching.finish()
        facts_file.refresh(self.places)
        self.switching.park(self.old)

    def give_the_place_back(self, _: Evidence) -> None:
        candidate.take_the_place(self.places, self.old, self.new)
        presence.reload_systemd()
        facts_file.refresh(self.places)

    # Conclude.

    def gates(self, _: Evidence) -> Evidence:
        seconds = float(self.operation.parameters.get("gate_seconds", 60))
        return federating.federation(self.operation, seconds)

    def record(self, _: Evidence) -> Evidence:
        done = state_of(self.operation).done
        way_back.note(
            self.places, self.old,
            {"at": done["switch"]["at"], "marks": (done.get("move") or {}).get("marks", {}),
             "operation": self.operation.id,
             "federation": done["keep"].get(federating.BEFORE)},
        )  # fmt: skip
        previous = {"release_id": self.old, "database": self.way.live_database}
        return recording.record(self.operation, self.database, previous)

    def record_again(self, _: Evidence) -> None:
        """What comes after it failed: the old release is the live one again."""
        recording.write(self.operation, way_back.record_of(self.places, self.old))

    def keep_warm(self, _: Evidence) -> None:
        """The upgrade is done: what cannot be kept warm is booted by a rollback."""
        seconds = int(self.operation.parameters.get("keep_warm_seconds", 3600))
        try:
            warming.schedule(self.places, self.old, seconds)
        except subprocess.CalledProcessError as error:
            self.operation.note(f"{self.old} is not kept warm: {in_words(error)}")
            candidate.end(self.places, self.old, grace_seconds=0)
