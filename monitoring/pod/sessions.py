"""A session in a pod's database that can only read, and that waits for nothing for long."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pg8000.native  # type: ignore[import-untyped]

from monitoring.pod.places import MONITOR_USER, PodPlace

TIMEOUT_SECONDS = 8.0
# A migration that waits for a lock must not wait for us, and we do not wait for it.
_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "4s",
    "lock_timeout": "500ms",
    "idle_in_transaction_session_timeout": "5s",
    "search_path": "public",
    "jit": "off",
    "TimeZone": "UTC",
}
_READABLE = """
SELECT table_name::text, column_name::text FROM information_schema.columns
WHERE table_schema = 'public'
  AND has_column_privilege(format('%I.%I', table_schema, table_name), column_name, 'SELECT')
"""


class NoDatabase(Exception):
    """The facts do not say which database is the pod's."""


def database_name(place: PodPlace) -> str:
    """The database that the live release works on: an upgrade may change it."""
    name = _facts(place).get("database")
    if not isinstance(name, str) or not name:
        raise NoDatabase
    return name


def is_operated_on(place: PodPlace) -> bool:
    """Whether an operation is under way: it may hold users back while it works."""
    return _facts(place).get("operation") is not None


def _facts(place: PodPlace) -> dict[str, Any]:
    try:
        facts = json.loads(place.facts.read_bytes())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


class Session:
    """One connection. Each statement is a transaction of its own, so that no lock is kept."""

    def __init__(self, connection: pg8000.native.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, **values: object) -> list[list[Any]]:
        found = self._connection.run(sql, **values)
        return [] if found is None else list(found)

    def readable(self) -> dict[str, set[str]]:
        """The columns that are there in this version, and that we may read, by table."""
        found: dict[str, set[str]] = {}
        for table, column in self.rows(_READABLE):
            found.setdefault(table, set()).add(column)
        return found


@contextlib.contextmanager
def session(place: PodPlace) -> Iterator[Session]:
    """A session for one reading: who keeps none open never stands in an upgrade's way."""
    connection = _connected(place)
    try:
        yield Session(connection)
    finally:
        with contextlib.suppress(OSError, pg8000.native.Error):
            connection.close()


def _connected(place: PodPlace) -> pg8000.native.Connection:
    try:
        return pg8000.native.Connection(
            MONITOR_USER,
            database=database_name(place),
            unix_sock=str(place.postgres_socket),
            timeout=TIMEOUT_SECONDS,
            application_name=MONITOR_USER,
            startup_params=_SETTINGS,
        )
    except pg8000.native.InterfaceError as error:
        raise _first_said(error) from None


def _first_said(error: BaseException) -> BaseException:
    """What PostgreSQL said before it hung up: pg8000 tells only that it cannot say good-bye."""
    each: BaseException | None = error
    while each is not None:
        if isinstance(each, pg8000.native.DatabaseError):
            break
        each = each.__context__
    return each or error
