"""Copies of a pod's database: gently beside the live pod, or as files while nobody writes.

A copy has owner, rights and settings of what it was copied from; a half-made one never stays.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import database as databases
from provision.operations.commands import psql
from provision.operations.preflight import SPARE_BYTES, refuse_full_disk
from provision.operations.priority import GENTLY

# A PostgreSQL that cannot write its log stops for every pod of the host: a copy ends before.
LEAST_FREE_BYTES = SPARE_BYTES // 3
LOOK_SECONDS = 1.0

# Like its source in encoding and locale; PostgreSQL's own names of the providers.
_EMPTY = """
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L',
              :'target', pg_encoding_to_char(encoding), datcollate, datctype)
  || CASE datlocprovider
       WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', datlocale)
       WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', datlocale)
       ELSE ' LOCALE_PROVIDER libc' END
FROM pg_database WHERE datname = :'source' \\gexec
"""
_FILES = """
SET application_name TO :'application';
SET client_connection_check_interval TO '1s';
SET statement_timeout TO :'milliseconds';
CREATE DATABASE :"target" TEMPLATE :"source" STRATEGY FILE_COPY;
"""
_OWNER = """
SELECT format('ALTER DATABASE %I OWNER TO %I', :'target', pg_get_userbyid(datdba))
FROM pg_database WHERE datname = :'source' \\gexec
SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', :'target', datconnlimit)
FROM pg_database WHERE datname = :'source' AND datconnlimit >= 0 \\gexec
"""
# Without an entry of its own a database has the usual rights, and so has the copy.
_RIGHTS = """
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC, %I', :'target', pg_get_userbyid(datdba))
FROM pg_database WHERE datname = :'source' AND datacl IS NOT NULL \\gexec
SELECT format('GRANT %s ON DATABASE %I TO %s%s', privilege_type, :'target',
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
              CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_database, aclexplode(datacl) WHERE datname = :'source' \\gexec
"""
# A list (search_path and the like) is kept as it is written, quotes and all.
_SETTINGS = """
SELECT format('ALTER %s SET %I TO %s',
              CASE setrole WHEN 0 THEN format('DATABASE %I', :'target')
              ELSE format('ROLE %I IN DATABASE %I', pg_get_userbyid(setrole), :'target') END,
              split_part(entry, '=', 1),
              CASE WHEN split_part(entry, '=', 1) IN ('search_path', 'temp_tablespaces',
                   'local_preload_libraries', 'session_preload_libraries')
                   AND value NOT IN ('', '""') THEN value
              ELSE quote_literal(replace(value, '""', '')) END)
FROM (SELECT setrole, entry, substr(entry, strpos(entry, '=') + 1) AS value
      FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) AS entry
      WHERE datname = :'source') AS settings \\gexec
"""


class CopyTooLong(Refusal):
    """The copy was ended at its deadline; nothing of it stayed."""


def copy_by_dump(source: str, target: str, places: PodPlaces) -> float:
    """A copy for a rehearsal, made by a dump while the pod serves; the seconds it took."""
    application = _application(places)
    _refuse_no_room(source)
    databases.end_sessions(application)
    began = time.monotonic()
    with _whole(target):
        psql(_EMPTY, {"source": source, "target": target})
        _pipe(_dump(source, application), _restore(target, application), target, application)
        take_over(source, target)
    return round(time.monotonic() - began, 3)


def copy_files(source: str, target: str, places: PodPlaces, *, timeout_seconds: float) -> float:
    """A copy of a closed database, as fast as the disk allows; the seconds it took."""
    application = _application(places)
    _refuse_no_room(source)
    databases.end_sessions(application)
    began = time.monotonic()
    values = {
        "source": source,
        "target": target,
        "application": application,
        "milliseconds": str(max(1, round(timeout_seconds * 1000))),
    }
    with _whole(target):
        try:
            psql(_FILES, values)
        except subprocess.CalledProcessError as error:
            raise _copy_failed(source, error, timeout_seconds) from error
        take_over(source, target)
    return round(time.monotonic() - began, 3)


def take_over(source: str, target: str) -> None:
    """Owner, rights and settings of the one for the other: no copy brings them along."""
    psql(_OWNER + _RIGHTS + _SETTINGS, {"source": source, "target": target})


def _application(places: PodPlaces) -> str:
    """The name that a copy's sessions have in PostgreSQL."""
    return f"podfleet-copy-{places.name}"


@contextmanager
def _whole(target: str) -> Iterator[None]:
    """What was there under that name goes first; a copy that fails gives its room back."""
    databases.drop(target)
    try:
        yield
    except BaseException:
        databases.drop(target)
        raise


def data_directory() -> Path:
    return Path(psql("SHOW data_directory"))


def _refuse_no_room(source: str) -> None:
    refuse_full_disk(data_directory(), databases.size(source))


def _copy_failed(
    source: str, error: subprocess.CalledProcessError, timeout_seconds: float
) -> Refusal:
    words = (error.stderr or b"").decode(errors="replace").strip()
    if "statement timeout" in words:
        return CopyTooLong(
            f"database {source}",
            f"its copy was not done within {timeout_seconds:.0f} s",
            "Run the command with --maintenance: visitors see a page while it takes its time.",
        )
    return _failed(source, words)


def _failed(source: str, words: str) -> Refusal:
    return Refusal(
        f"database {source}",
        f"cannot be copied: {words[-800:]}",
        "Mend what PostgreSQL complains about, then run the same command again.",
    )


def _dump(source: str, application: str) -> list[str]:
    argv = ["pg_dump", "--format=custom", "--compress=none", "--no-publications"]
    return [*_as_postgres(application, ""), *argv, "--no-subscriptions", "--dbname", source]


def _restore(target: str, application: str) -> list[str]:
    # Thrown away if the host goes down, so it need not wait for the disk; one process, which
    # can be told to give way.
    options = "-c synchronous_commit=off -c max_parallel_maintenance_workers=0"
    argv = ["pg_restore", "--exit-on-error", "--no-publications", "--no-subscriptions"]
    return [*_as_postgres(application, options), *argv, "--dbname", target]


def _as_postgres(application: str, options: str) -> list[str]:
    variables = [f"PGAPPNAME={application}", f"PGOPTIONS={options}"]
    return [*GENTLY, "runuser", "-u", "postgres", "--", "env", *variables]


def _pipe(dump: list[str], restore: list[str], target: str, application: str) -> None:
    """The one into the other; both must end well. What they say goes to files: none waits."""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(dump, stdout=subprocess.PIPE, stderr=said, cwd="/") as first,
        subprocess.Popen(restore, stdin=first.stdout, stdout=said, stderr=said, cwd="/") as second,
    ):
        assert first.stdout is not None
        # Else pg_dump would not notice that pg_restore is gone.
        first.stdout.close()
        try:
            _await(first, second, target, application)
        except BaseException:
            first.kill()
            second.kill()
            databases.end_sessions(application)
            raise
        if first.returncode or second.returncode:
            said.seek(0)
            raise _failed(target, said.read().decode(errors="replace").strip())


def _await(
    first: subprocess.Popen[bytes], second: subprocess.Popen[bytes], target: str, application: str
) -> None:
    """Meanwhile the server's part of the work gives way too, and the disk never fills up."""
    directory = data_directory()
    while True:
        databases.slow_down(application)
        try:
            second.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            _refuse_full(directory, target)
            continue
        first.wait()
        return


def _refuse_full(directory: Path, target: str) -> None:
    seen = os.statvfs(directory)
    free = seen.f_bavail * seen.f_frsize
    if free < LEAST_FREE_BYTES:
        raise Refusal(
            f"database {target}",
            f"the disk is nearly full: {free / 1e6:.0f} MB are free; the copy was ended",
            "Make room on the host (`podfleet releases` lists what can go), then run the same "
            "command again.",
        )
