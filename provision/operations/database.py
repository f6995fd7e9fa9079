"""A pod's databases: made for their owner, closed, opened, told apart, counted, dropped."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations.commands import psql
from provision.operations.priority import NICEST, set_priority

# How long a session that was told to end may take to do so.
END_SECONDS = 10.0

_ROLE = """
SELECT format('CREATE ROLE %I LOGIN', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
"""
_DATABASE = """
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8''', :'name', :'role')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
"""
_RIGHTS = """
ALTER DATABASE :"name" OWNER TO :"role";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"name" TO :"role";
"""
# WITH (FORCE): whoever is still connected does not keep it; also ends a half-done drop.
_DROP = "SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', :'name') \\gexec"
_DROP_ROLE = "SELECT format('DROP ROLE IF EXISTS %I', :'role') \\gexec"
_EXISTS = "SELECT count(*) FROM pg_database WHERE datname = :'name'"
# Autovacuum gives way by itself, and does not ask whether a database takes connections.
_IN_DATABASE = """
FROM pg_stat_activity WHERE datname = :'name' AND backend_type <> 'autovacuum worker'
AND pid <> pg_backend_pid()
"""
_OF_APPLICATION = """
FROM pg_stat_activity WHERE application_name = :'application' AND pid <> pg_backend_pid()
"""
_END = """
SELECT 'was', pid {sessions};
SELECT count(pg_terminate_backend(pid)) {sessions} \\g /dev/null
SELECT 'is', pid, application_name, state, replace(left(query, 80), E'\\n', ' ') {sessions};
"""
_PREPARED = "SELECT 'held', gid FROM pg_prepared_xacts WHERE database = :'name';"
# The limit of 0 is ours, of a look into it that was cut; any other is the owner's.
_OPEN = """
ALTER DATABASE :"name" ALLOW_CONNECTIONS true;
SELECT format('ALTER DATABASE %I CONNECTION LIMIT -1', datname)
FROM pg_database WHERE datname = :'name' AND datconnlimit = 0 \\gexec
"""
_LIMIT = "SELECT datconnlimit FROM pg_database WHERE datname = :'name'"
# The limit holds for everybody but the superuser.
_LOOK_IN = """
ALTER DATABASE :"name" CONNECTION LIMIT 0;
ALTER DATABASE :"name" ALLOW_CONNECTIONS true
"""
_LIMITED = 'ALTER DATABASE :"name" CONNECTION LIMIT :limit'
_CLOSE = 'ALTER DATABASE :"name" ALLOW_CONNECTIONS false;'
_IS_CLOSED = "SELECT NOT datallowconn FROM pg_database WHERE datname = :'name'"
# PostgreSQL's mark of a DROP DATABASE that did not end: nobody gets in, dropping again works.
_HALF_DROPPED = "SELECT datname FROM pg_database WHERE datconnlimit = -2"
# Every table whose primary key is the one integer column `id`, as Rails makes them.
_COUNTED = """
SELECT n.nspname, c.relname FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE i.indisprimary AND i.indnkeyatts = 1 AND a.attname = 'id'
AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
AND n.nspname = 'public' AND c.relkind = 'r'
"""
_MARKS = """
SELECT format('SELECT json_build_array(%L, coalesce(max(id), 0)) FROM %I.%I',
              relname, nspname, relname) FROM ({counted}) AS t \\gexec
"""
_SINCE = """
SELECT format('SELECT json_build_array(%L, count(*)) FROM %I.%I WHERE id > %s',
              relname, nspname, relname, coalesce(m.value::bigint, 0))
FROM ({counted}) AS t LEFT JOIN json_each_text(:'marks'::json) AS m ON m.key = relname \\gexec
"""
_COLUMNS = """
SELECT table_name || '.' || column_name FROM information_schema.columns
WHERE table_schema = 'public'
"""
_VERSIONS = """
SELECT 'SELECT version FROM public.schema_migrations'
WHERE to_regclass('public.schema_migrations') IS NOT NULL \\gexec
"""
# A word behind the number: a copy for some moment's use.
_OF_POD = """
SELECT datname FROM pg_database WHERE datname ~ ('^pod_' || :'pod' || '_[0-9]+(_[a-z]+)?$')
ORDER BY length(datname), datname
"""
_MADE_AT = """
SELECT extract(epoch FROM (pg_stat_file('base/' || oid || '/PG_VERSION', true)).modification)
FROM pg_database WHERE datname = :'name'
"""


def exists(name: str) -> bool:
    return psql(_EXISTS, {"name": name}) == "1"


def ensure(places: PodPlaces, name: str) -> None:
    """The pod's role and this database of it, with its rights; what is there stays."""
    psql(_ROLE + _DATABASE + _RIGHTS, {"role": places.user, "name": name})


def drop(name: str) -> None:
    psql(_DROP, {"name": name})


def drop_role(places: PodPlaces) -> None:
    psql(_DROP_ROLE, {"role": places.user})


def of_pod(places: PodPlaces) -> list[str]:
    """Every database of the pod, of whatever number, the oldest number first."""
    return psql(_OF_POD, {"pod": places.name}).splitlines()


def size(name: str) -> int:
    """Its bytes on disk."""
    return int(psql("SELECT pg_database_size(:'name')", {"name": name}))


def made_at(name: str) -> float | None:
    """Seconds since 1970; a copy was made when it was copied."""
    said = psql(_MADE_AT, {"name": name})
    return float(said) if said else None


def next_number(places: PodPlaces) -> int:
    """The number for a new database: above every one that is there."""
    return 1 + max((int(name.split("_")[2]) for name in of_pod(places)), default=0)


def close(name: str, *, deadline_seconds: float = END_SECONDS) -> None:
    """Nobody gets in any more, and who was in is out when this returns."""
    sql = _CLOSE + _END.format(sessions=_IN_DATABASE) + _PREPARED
    held = _end(f"database {name}", sql, {"name": name}, deadline_seconds)
    if held:
        raise Refusal(
            f"database {name}",
            f"a prepared transaction holds it: {', '.join(held)}",
            "End it on the host (ROLLBACK PREPARED), then run the same command again.",
        )


def reopen(name: str) -> None:
    psql(_OPEN, {"name": name})


def is_closed(name: str) -> bool:
    return psql(_IS_CLOSED, {"name": name}) == "t"


def cut_connections(name: str, *, deadline_seconds: float = END_SECONDS) -> None:
    """Ends every session in it, and waits until those are gone; new ones may come."""
    sql = _END.format(sessions=_IN_DATABASE)
    _end(f"database {name}", sql, {"name": name}, deadline_seconds)


def end_sessions(application: str, *, deadline_seconds: float = END_SECONDS) -> None:
    """Ends every session of that application name, in whatever database."""
    sql = _END.format(sessions=_OF_APPLICATION)
    _end(application, sql, {"application": application}, deadline_seconds)


def _end(where: str, sql: str, values: Mapping[str, str], deadline_seconds: float) -> list[str]:
    """Until nobody of the first is left; what holds the database still. One call of psql where
    all goes well: requests may be waiting meanwhile."""
    deadline = time.monotonic() + deadline_seconds
    said = _terminate(sql, values)
    while staying := {pid: words for pid, words in said["is"].items() if pid in said["was"]}:
        if time.monotonic() > deadline:
            raise Refusal(
                where,
                f"a session does not end: {'; '.join(staying.values())[:400]}",
                "See what holds that process on the host, end it, then run the same command again.",
            )
        time.sleep(0.01)
        said = {**_terminate(sql, values), "was": said["was"]}
    return list(said["held"])


def _terminate(sql: str, values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The processes that were there, those that are left, and what else holds the database."""
    said: dict[str, dict[str, str]] = {"was": {}, "is": {}, "held": {}}
    for line in psql(sql, values).splitlines():
        kind, what, *more = line.split("|", 2)
        said[kind][what] = " ".join([what, *more])
    return said


def slow_down(application: str) -> None:
    """The server's own processes for that application give way to all others."""
    for pid in psql(f"SELECT pid {_OF_APPLICATION}", {"application": application}).split():
        set_priority(int(pid), NICEST, idle=True)


def half_dropped() -> list[str]:
    return psql(_HALF_DROPPED).splitlines()


def marks(name: str) -> dict[str, int]:
    """How far each table's numbers have come; rows written later have higher ones."""
    return _pairs(psql(_MARKS.format(counted=_COUNTED), database=name))


def rows_since(name: str, since: Mapping[str, int]) -> dict[str, int]:
    """How many rows each table has got since those marks; also of a database that is closed."""
    with _looked_into(name):
        sql = _SINCE.format(counted=_COUNTED)
        found = _pairs(psql(sql, {"marks": json.dumps(dict(since))}, database=name))
    return {table: count for table, count in found.items() if count}


@contextlib.contextmanager
def _looked_into(name: str) -> Iterator[None]:
    """A closed database takes no session, not even ours: nobody but us gets in for the moment."""
    if not is_closed(name):
        yield
        return
    limit = psql(_LIMIT, {"name": name})
    psql(_LOOK_IN, {"name": name})
    try:
        yield
    finally:
        close(name)
        psql(_LIMITED, {"name": name, "limit": limit if limit != "0" else "-1"})


def _pairs(said: str) -> dict[str, int]:
    pairs = (json.loads(line) for line in said.splitlines())
    return {str(table): int(number) for table, number in sorted(pairs)}


def columns(name: str) -> set[str]:
    """All of its columns, as `table.column`."""
    return set(psql(_COLUMNS, database=name).splitlines())


def schema_versions(name: str) -> set[str]:
    """The migrations that it has; none where Rails never was."""
    return set(psql(_VERSIONS, database=name).splitlines())
