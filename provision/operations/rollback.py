"""rollback: the release before takes over again, with the database that it left untouched.

Requests go back first, within the time of a rename where the old web is still there; then the
background jobs, and last what the host starts by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from provision.errors import Refusal
from provision.operations import (
    background,
    candidate,
    database,
    facts_file,
    federating,
    holding,
    outside,
    presence,
    recording,
    release_tree,
    units,
    warming,
    way_back,
)
from provision.operations.commands import is_active
from provision.operations.configure import refuse_closed, refuse_not_safe
from provision.operations.operation import Operation, need_record, state_of
from provision.operations.paths import AMPLE, BREAKING, PLAIN
from provision.operations.preflight import platform_level
from provision.operations.step import Evidence, Step
from provision.operations.switching import Switch
from provision.operations.way_back import WayBack

LAST_JOBS_SECONDS = 30.0


def steps(operation: Operation) -> Callable[[], Sequence[Step]]:
    """The rollback, top to bottom."""
    return _Rollback(operation).steps


class _Rollback:
    """The work of each step. `new` is the release that runs now, `old` the one before it."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.places = operation.places

    def steps(self) -> list[Step]:
        """The same for every rollback; what each does depends on what the preflight found."""
        hand = self._by_hand()
        return [
            Step("preflight", self.preflight),
            Step("keep", self.keep),
            Step("files", self.files, self.put_files_back),
            Step("candidate", self.candidate, self.end_candidate),
            Step("switch", self.switch, self.switch_back, by_hand=hand),
            Step("take the place", self.take_the_place, self.give_the_place_back, by_hand=hand),
            Step("background", self.background, self.background_back, by_hand=hand),
            Step("gates", self.gates),
            Step("record", self.record, self.record_again, by_hand=hand),
            Step("end the newer", self.end_the_newer),
        ]

    @cached_property
    def switching(self) -> Switch:
        return Switch(self.operation, self.domain)

    @property
    def domain(self) -> str:
        """From the record: a rollback is not about what the fleet file says."""
        return str(need_record(self.operation)["domain"])

    @property
    def found(self) -> dict[str, Any]:
        seen: dict[str, Any] = state_of(self.operation).done["preflight"]
        return seen

    @property
    def new(self) -> str:
        return str(self.found["from"])

    @property
    def old(self) -> str:
        return str(self.found["to"])

    @property
    def back(self) -> WayBack:
        return way_back.read(self.places, self.old)

    @property
    def old_database(self) -> str | None:
        """The old release's database, where it has one of its own."""
        return str(self.found["to_database"]) if self._has_own else None

    @property
    def new_database(self) -> str | None:
        return str(self.found["from_database"]) if self._has_own else None

    @property
    def _has_own(self) -> bool:
        return bool(self.found["from_database"] != self.found["to_database"])

    def preflight(self, _: Evidence) -> Evidence:
        """Whether all that the release before needs is still there."""
        platform_level()
        record = need_record(self.operation)
        refuse_closed(self.operation, record)
        refuse_not_safe(self.operation)
        previous = record.get("previous")
        if not previous:
            raise Refusal(
                f"pod {self.operation.pod}",
                f"{record['release_id']} is the first release that ran here: there is none before",
                "To go to another one, run "
                f"`podfleet upgrade --to VERSION --pod {self.operation.pod}`.",
            )
        before, name = str(previous["release_id"]), str(previous["database"])
        # First: all else that was kept went with it, and told less.
        way_back.refuse_dropped(self.places, before, name)
        back = way_back.read(self.places, before)
        is_warm = candidate.is_up(self.places, back.release_id)
        return {
            "from": record["release_id"], "from_database": record["database"],
            "to": back.release_id, "to_database": back.database, "is_warm": is_warm,
            "way": {
                "path": PLAIN if record["database"] == back.database else BREAKING,
                "order": AMPLE, "predicted_seconds": 0.0,
                "database_bytes": database.size(str(record["database"])),
            },
        }  # fmt: skip

    def keep(self, _: Evidence) -> Evidence:
        """What the pod is now; and how it federated before it was upgraded, for the gate: whoever
        goes back does not wait for canaries of a release that may be broken."""
        way_back.keep(self.operation, need_record(self.operation), self.back.record["manifest"])
        warming.cancel(self.places)
        return {federating.BEFORE: federating.long_before(self.back.way.get("federation"))}

    def files(self, _: Evidence) -> None:
        """Units and vhost of then; a page of then finds its assets."""
        outside.go_back(self.operation, self.back)
        release_tree.join_assets(self.places, self.old)

    def put_files_back(self, _: Evidence) -> None:
        way_back.put_files_back(self.places, self.new)
        presence.reload_systemd()
        presence.reload_nginx()

    def candidate(self, _: Evidence) -> None:
        """Boots the old web, unless it was kept; its database is opened, nobody is sent to it."""
        if self.old_database:
            database.reopen(self.old_database)
        if not candidate.is_up(self.places, self.old):
            candidate.boot(self.places, self.old)
            candidate.look_at(self.places, self.old, self.domain)

    def end_candidate(self, _: Evidence) -> None:
        if not self.found["is_warm"]:
            candidate.end(self.places, self.old)
        if self.old_database:
            database.close(self.old_database)

    def switch(self, _: Evidence) -> Evidence:
        """Requests go back: by a rename, or, where the database goes too, after a short hold."""
        if not self._has_own:
            self._ensure_old()
            return self.switching.switch(self.old, watch_from_now=True)
        self._freeze_sidekiq()
        self.switching.leave(self.new, by_page=False, database=self.new_database)
        self._ensure_old()
        return self.switching.switch(self.old, watch_from_now=False)

    def _ensure_old(self) -> None:
        """A cut may have ended it; then it starts with what the host starts."""
        if self.old_database:
            database.reopen(self.old_database)
        if not candidate.is_up(self.places, self.old):
            candidate.take_the_place(self.places, self.old, self.new)
            units.let_up(self.places)
            candidate.boot(self.places, self.old)

    def _freeze_sidekiq(self) -> None:
        """At once: waiting for its jobs would keep the broken release up."""
        unit = self.places.sidekiq_unit(self.new)
        if is_active(unit) and not holding.is_parked(unit):
            holding.park(unit)

    def switch_back(self, _: Evidence) -> None:
        """To the newer release again."""
        if self._has_own:
            self.switching.close(self.old, by_page=False, database=self.old_database)
        self.switching.open(self.new, database=self.new_database)
        self._wake_sidekiq()

    def _wake_sidekiq(self) -> None:
        unit = self.places.sidekiq_unit(self.new)
        if is_active(unit) and holding.is_parked(unit):
            holding.unpark(unit)

    def take_the_place(self, _: Evidence) -> None:
        candidate.take_the_place(self.places, self.old, self.new)
        units.let_up(self.places)
        presence.reload_systemd()
        if not candidate.is_up(self.places, self.old):
            candidate.boot(self.places, self.old)
        self.switching.finish()
        facts_file.refresh(self.places)

    def give_the_place_back(self, _: Evidence) -> None:
        candidate.take_the_place(self.places, self.new, self.old)
        presence.reload_systemd()
        facts_file.refresh(self.places)

    def background(self, _: Evidence) -> Evidence:
        """The newer sidekiq ends; jobs that may refer to rows that are not there are put aside."""
        if not self._has_own:
            background.quiet(self.places, self.new)
            background.await_idle(self.places, self.new, time.monotonic() + LAST_JOBS_SECONDS)
        self._wake_sidekiq()
        background.stop(self.places, self.new)
        left = self._left_behind()
        background.lift(self.places, self.old)
        background.start_waiting(self.places, self.old)
        background.await_ready(self.places, self.old)
        return left

    def _left_behind(self) -> dict[str, Any]:
        """What was written since the upgrade, counted; it stays where it is."""
        if self.new_database is None:
            return {}
        known = way_back.jobs(self.places, self.old)
        aside = background.put_aside(self.places, self.operation.id, known)
        rows = database.rows_since(self.new_database, self.back.way["marks"])
        left = {"rows_since": rows, "jobs_aside": sum(aside.values())}
        text = way_back.left_behind(self.new_database, rows, aside)
        self.operation.journal.write("note", text=text, evidence=left)
        return left

    def background_back(self, _: Evidence) -> None:
        background.stop(self.places, self.old)
        if self._has_own:
            background.take_back(self.places, self.operation.id)
        background.start_again(self.places, self.new)

    def gates(self, _: Evidence) -> Evidence:
        seconds = float(self.operation.parameters.get("gate_seconds", 0))
        return federating.federation(self.operation, seconds, self.back.record["manifest"]["pod"])

    def record(self, _: Evidence) -> Evidence:
        return recording.put_back(self.operation, self.back.record)

    def record_again(self, _: Evidence) -> None:
        """What comes after it failed: the newer release is the live one again."""
        recording.write(self.operation, way_back.record_of(self.places, self.new))

    def end_the_newer(self, _: Evidence) -> None:
        """Its database stays, closed, with the rows that were written to it."""
        candidate.end(self.places, self.new)
        if self.new_database:
            database.close(self.new_database)

    def _by_hand(self) -> str:
        found = state_of(self.operation).done.get("preflight")
        if not found:
            return ""
        return way_back.by_hand(
            self.places,
            str(found["from"]),
            str(found["from_database"]),
            instead_of=str(found["to"]),
        )
