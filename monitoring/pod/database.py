"""What a pod's database tells: its peers, its users, what they wrote, its size and sessions.

Counting is dear and changes slowly: it is done every few minutes, and put off while an operation
is under way; the table of peers is read each time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pg8000.native  # type: ignore[import-untyped]

from monitoring.board import Sample
from monitoring.metrics import DATABASE_UP
from monitoring.pod.authority import MOST_PEERS
from monitoring.pod.counts import (
    CONTACTS,
    CONTACTS_NEED,
    COUNTS,
    PODS_NEED,
    Columns,
    Count,
    has,
    pods_sql,
)
from monitoring.pod.peers_table import Row, peer_samples, row_of, worth_naming
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Reading, Unread
from monitoring.pod.sessions import NoDatabase, Session, is_operated_on, session

CHUNK = 1000
CONTACTS_SECONDS = 300.0
# What is not counted by then is left to the next reading.
BUDGET_SECONDS = 8.0
_LONG_AGO = float("-inf")
# The classes of what PostgreSQL says when it is well, but does not let us in.
_NOT_LET_IN = ("28", "42")


@dataclass
class DatabaseSource:
    """Reads one pod's database again and again; keeps what was counted, and no session."""

    clock: Callable[[], float] = time.monotonic
    _counted: dict[str, tuple[float, list[Sample]]] = field(default_factory=dict)
    _contacts: dict[int, int] | None = None
    _contacts_at: float = _LONG_AGO
    # What PostgreSQL refused, or could not do in time, the last time it was asked.
    _left_out: dict[str, str] = field(default_factory=dict)

    def collect(self, place: PodPlace) -> Reading:
        try:
            with session(place) as database:
                return self._read(place, database)
        except NoDatabase:
            raise Unread("the facts do not name the database") from None
        except pg8000.native.DatabaseError as error:
            code = _code(error)
            samples = () if code.startswith(_NOT_LET_IN) else _up(place, 0)
            raise Unread(f"PostgreSQL says {code}", samples) from None
        except (OSError, pg8000.native.InterfaceError) as error:
            raise Unread(f"PostgreSQL: {type(error).__name__}", _up(place, 0)) from None

    def _read(self, place: PodPlace, database: Session) -> Reading:
        began = self.clock()
        readable, is_busy = database.readable(), is_operated_on(place)
        if has(readable, CONTACTS_NEED) and not (is_busy and self._contacts):
            self._learn_contacts(database)
        rows = self._rows(database, readable)
        samples = _up(place, 1)
        if rows is not None:
            samples += peer_samples(place.name, rows, has_contacts=self._contacts is not None)
        for count in COUNTS:
            is_put_off = self.clock() - began > BUDGET_SECONDS or (is_busy and count.seconds > 0)
            if has(readable, count.needs) and not is_put_off:
                self._count(count, place, database)
            samples += self._counted.get(count.what, (_LONG_AGO, []))[1]
        peers = None if rows is None else worth_naming(rows)[:MOST_PEERS]
        return Reading(samples, peers=peers, left_out=sorted(self._left_out.values()))

    def _count(self, count: Count, place: PodPlace, database: Session) -> None:
        at, _ = self._counted.get(count.what, (_LONG_AGO, []))
        if self.clock() - at < count.seconds:
            return
        samples: list[Sample] = []
        with self._may_be_left_out(count.what):
            samples = count.samples(place.name, database.rows(count.sql)[0])
        self._counted[count.what] = self.clock(), samples

    def _learn_contacts(self, database: Session) -> None:
        if self.clock() - self._contacts_at < CONTACTS_SECONDS:
            return
        self._contacts = None
        with self._may_be_left_out("contacts"):
            self._contacts = dict(database.rows(CONTACTS))
        self._contacts_at = self.clock()

    def _rows(self, database: Session, readable: Columns) -> list[Row] | None:
        """All peers; None where the table cannot be read."""
        if not has(readable, PODS_NEED):
            return None
        contacts, rows = self._contacts or {}, list[Row]()
        sql, after = pods_sql(readable["pods"]), 0
        with self._may_be_left_out("pods"):
            while chunk := database.rows(sql, after=after, most=CHUNK):
                rows += (row_of(values, contacts.get(number, 0)) for number, *values in chunk)
                after = chunk[-1][0]
            return rows
        return None

    @contextlib.contextmanager
    def _may_be_left_out(self, what: str) -> Iterator[None]:
        """What PostgreSQL refuses, or cannot do in time, is absent; the rest goes on."""
        self._left_out.pop(what, None)
        try:
            yield
        except pg8000.native.DatabaseError as error:
            self._left_out[what] = f"{what} left out: {_code(error)}"


def _code(error: Exception) -> str:
    """PostgreSQL's five characters: the text may quote what is in the database."""
    said = error.args[0] if error.args else None
    return str(said.get("C", "?")) if isinstance(said, dict) else "?"


def _up(place: PodPlace, value: int) -> list[Sample]:
    return [(DATABASE_UP, (place.name,), value)]
