"""Who answers requests: closing a release, opening another one, and the clock that watches both.

Closing lets requests wait at the hold socket (or shows the maintenance page), lets those in flight
end, and closes the database; opening is one rename.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from provision.operations import candidate, holding, units
from provision.operations import database as databases
from provision.operations.clock import ClientClock
from provision.operations.holding import HoldTooLong
from provision.operations.layout import PodLayout
from provision.operations.operation import Operation

# Other pods give up after 30 s: what would be held longer than this goes back.
HOLD_SECONDS = 20.0
# What is predicted to be held longer sees the maintenance page instead.
MAINTENANCE_SECONDS = 15.0
PAGE_SECONDS = 3600.0
# Where nobody waits for them, the last requests may take their time; but nginx gives each up after
# 60 s, and one that never ends must not keep a pod from ever changing.
LAST_REQUESTS_SECONDS = 65.0
# On the way back, requests that the newer release does not answer are cut off.
PATIENCE_SECONDS = 5.0
# So long is watched after a switch that closes nothing.
WATCHED_SECONDS = 0.3


class Switch:
    """One operation's view of who answers; what it measures does not outlive its process."""

    def __init__(self, operation: Operation, domain: str) -> None:
        self.operation = operation
        self.places = operation.places
        self.domain = domain
        self._clock: ClientClock | None = None
        self._deadline: float | None = None

    def close(self, release_id: str, *, by_page: bool, database: str | None) -> None:
        """Nobody is answered any more, nothing is in flight, nobody is on the database."""
        is_up = candidate.is_up(self.places, release_id)
        self._stop_answering(by_page or not is_up)
        if by_page:
            self._drain_or_end(release_id, LAST_REQUESTS_SECONDS)
        else:
            holding.drain(self.places, release_id, time.monotonic() + HOLD_SECONDS)
        if candidate.is_up(self.places, release_id):
            holding.park(self.places.web_unit(release_id))
        if database:
            seconds = min(databases.END_SECONDS, self.seconds_left())
            databases.close(database, deadline_seconds=seconds)

    def leave(self, release_id: str, *, by_page: bool, database: str | None) -> None:
        """The same on the way back from a release that may be broken: what it does not answer
        soon, it is not waited for."""
        self._stop_answering(by_page)
        self._drain_or_end(release_id, PATIENCE_SECONDS)
        if candidate.is_up(self.places, release_id):
            holding.park(self.places.web_unit(release_id))
        if database:
            databases.close(database)

    def _drain_or_end(self, release_id: str, seconds: float) -> None:
        """Lets those in flight end; a web that has not answered them by then ends with them."""
        try:
            holding.drain(self.places, release_id, time.monotonic() + seconds)
        except HoldTooLong:
            self.operation.note(
                f"requests that {release_id} did not answer within {seconds:.0f} s are cut off"
            )
            candidate.end(self.places, release_id, grace_seconds=0)

    def _stop_answering(self, by_page: bool) -> None:
        """Requests wait; or see the page, where that would be too long, or (after a cut) nobody
        was there to answer anyway."""
        units.hold_down(self.places)
        if not by_page:
            holding.prepare(self.places)
        self._watch()
        if by_page:
            units.close(self.places)
        else:
            holding.hold(self.places)
        self._deadline = time.monotonic() + (PAGE_SECONDS if by_page else HOLD_SECONDS)

    def seconds_left(self) -> float:
        """Until requests that are held must be let go. After a boot nobody is held; where our
        process alone was killed they still are, and are not held for ever."""
        if self._deadline is None:
            is_held = holding.is_held(self.places)
            self._deadline = time.monotonic() + (HOLD_SECONDS if is_held else PAGE_SECONDS)
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self.too_long()
        return left

    def too_long(self) -> HoldTooLong:
        return HoldTooLong(
            f"pod {self.operation.pod}",
            f"requests would be held for more than {HOLD_SECONDS:.0f} s",
            "The old release serves on. Run the same command again with --maintenance: visitors "
            "then see the maintenance page instead of waiting.",
        )

    def switch(self, release_id: str, *, watch_from_now: bool) -> dict[str, Any]:
        """This release answers from now on; what that cost, as a client saw it."""
        if watch_from_now:
            self._watch()
        self._let_go(release_id)
        if watch_from_now:
            time.sleep(WATCHED_SECONDS)
        return self._measured()

    def open(self, release_id: str, *, database: str | None) -> None:
        """Back to a release that was closed: its database, its web, the requests that wait."""
        if database:
            databases.reopen(database)
        units.let_up(self.places)
        self.wake(release_id)
        if not candidate.is_up(self.places, release_id):
            candidate.boot(self.places, release_id)
        self._let_go(release_id)
        self._note_closed(self._measured()["closed_seconds"])
        self.finish()

    def _note_closed(self, seconds: float | None) -> None:
        """A way back costs what it costs: the ledger finds it here."""
        if seconds:
            self.operation.journal.write(
                "note",
                text=f"requests were held or refused for {seconds:.1f} s until then",
                evidence={"closed_seconds": seconds},
            )

    def back_at_once(self, release_id: str) -> None:
        """Back to a release that is still there, or boots again."""
        units.let_up(self.places)
        self.wake(release_id)
        if not candidate.is_up(self.places, release_id):
            candidate.boot(self.places, release_id)
        self._let_go(release_id)

    def finish(self) -> None:
        """The hold has nobody left to hand on."""
        holding.finish(self.places)

    def park(self, release_id: str) -> None:
        """The web that was left answers what it accepted, and is then stopped where it stands."""
        if not candidate.is_up(self.places, release_id):
            return
        if holding.is_parked(self.places.web_unit(release_id)):
            return
        self._drain_or_end(release_id, LAST_REQUESTS_SECONDS)
        if candidate.is_up(self.places, release_id):
            holding.park(self.places.web_unit(release_id))

    def make_room(self, release_id: str) -> None:
        """The web that was left ends: there is no memory to keep it."""
        if candidate.is_up(self.places, release_id):
            self.wake(release_id)
            self._drain_or_end(release_id, LAST_REQUESTS_SECONDS)
        candidate.end(self.places, release_id)

    def park_on_copy(self, release_id: str, copy: str) -> None:
        """The candidate waits without its database, which comes later under the same name."""
        holding.park(self.places.web_unit(release_id))
        databases.cut_connections(copy)
        databases.drop(copy)

    def wake(self, release_id: str) -> None:
        unit = self.places.web_unit(release_id)
        if candidate.is_up(self.places, release_id) and holding.is_parked(unit):
            holding.unpark(unit)

    def _let_go(self, release_id: str) -> None:
        is_held = Path(self.places.live_socket).readlink() == Path(self.places.hold_socket)
        self.wake(release_id)
        units.switch(self.places, release_id)
        # A web that was killed while it was live says that there is none: this one is up.
        Path(PodLayout(self.places).web_down_flag).unlink(missing_ok=True)
        if is_held:
            holding.release(self.places)
        units.open_up(self.places)
        self._deadline = None

    def _watch(self) -> None:
        if self._clock is None:
            self._clock = ClientClock(self.domain)
            self._clock.start()

    def _measured(self) -> dict[str, Any]:
        """None of a cut operation: nobody watched from the beginning."""
        clock, self._clock = self._clock, None
        if clock is None:
            return {"closed_seconds": None}
        clock.stop()
        return {"closed_seconds": clock.closed_seconds()}
