"""Copies of a pod's database: gently beside the live pod, or as files while nobody writes.

A copy has owner, rights and settings of what it was copied from; a half-made one never stays.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import database as databases
from provision.operations.commands import AS_POSTGRES, postgresql_program, psql
from provision.operations.preflight import refuse_filling_disk, refuse_full_disk
from provision.operations.priority import GENTLY

LOOK_SECONDS = 1.0
# Up to here a copy through the log is quicker: it waits for no checkpoint, and syncs one file.
SMALL_BYTES = 32 * 1024**2

_ROOM = "SELECT pg_database_size(:'source'), current_setting('data_directory')"

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
# One call of psql: requests wait meanwhile. Whoever asked may be gone, and is not waited for.
_FILES = r"""
SET application_name TO :'application';
SET client_connection_check_interval TO '1s';
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', :'target') \gexec
SET statement_timeout TO :'milliseconds';
CREATE DATABASE :"target" TEMPLATE :"source" STRATEGY :strategy;
SET statement_timeout TO 0;
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
    began = time.monotonic()
    directory, _ = _refuse_no_room(source)
    databases.end_sessions(application)
    databases.drop(target)
    with _whole(target):
        psql(_EMPTY, {"source": source, "target": target})
        pipe = _Pipe(source, target, application, directory)
        pipe.run()
        take_over(source, target)
    return round(time.monotonic() - began, 3)


def copy_files(source: str, target: str, places: PodPlaces, *, timeout_seconds: float) -> float:
    """A copy of a closed database, as fast as the disk allows; the seconds it took."""
    application = _application(places)
    began = time.monotonic()
    _, size = _refuse_no_room(source)
    databases.end_sessions(application)
    values = {
        "source": source,
        "target": target,
        "application": application,
        "milliseconds": str(max(1, round(timeout_seconds * 1000))),
        "strategy": "WAL_LOG" if size < SMALL_BYTES else "FILE_COPY",
    }
    with _whole(target):
        try:
            psql(_FILES + _OWNER + _RIGHTS + _SETTINGS, values)
        except subprocess.CalledProcessError as error:
            raise _copy_failed(source, error, timeout_seconds) from error
    return round(time.monotonic() - began, 3)


def write_out() -> None:
    """What PostgreSQL has in memory goes to the disk now: a copy of files waits for that, and
    need not wait for much if this was done just before."""
    psql("CHECKPOINT")


def take_over(source: str, target: str) -> None:
    """Owner, rights and settings of the one for the other: no copy brings them along."""
    psql(_OWNER + _RIGHTS + _SETTINGS, {"source": source, "target": target})


def _application(places: PodPlaces) -> str:
    """The name that a copy's sessions have in PostgreSQL."""
    return f"podfleet-copy-{places.name}"


@contextmanager
def _whole(target: str) -> Iterator[None]:
    """A copy that fails gives its room back."""
    try:
        yield
    except BaseException:
        databases.drop(target)
        raise


def _refuse_no_room(source: str) -> tuple[Path, int]:
    """Where PostgreSQL's files are, and the bytes of the source."""
    size, _, directory = psql(_ROOM, {"source": source}).partition("|")
    refuse_full_disk(Path(directory), int(size))
    return Path(directory), int(size)


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


@dataclass
class _Pipe:
    """pg_dump into pg_restore: both must end well. What they say goes to a file: none waits."""

    source: str
    target: str
    application: str
    directory: Path

    def run(self) -> None:
        with (
            tempfile.TemporaryFile() as said,
            self._started(self._dump(), stdout=subprocess.PIPE, stderr=said) as dump,
            self._started(self._restore(), stdin=dump.stdout, stdout=said, stderr=said) as restore,
        ):
            assert dump.stdout is not None
            # Else pg_dump would not notice that pg_restore is gone.
            dump.stdout.close()
            try:
                self._await(dump, restore)
            except BaseException:
                dump.kill()
                restore.kill()
                databases.end_sessions(self.application)
                raise
            if dump.returncode or restore.returncode:
                said.seek(0)
                raise _failed(self.source, said.read().decode(errors="replace").strip())

    def _await(self, *both: subprocess.Popen[bytes]) -> None:
        """Meanwhile the server's part of the work gives way too, and the disk never fills up."""
        while any(one.poll() is None for one in both):
            databases.slow_down(self.application)
            refuse_filling_disk(self.directory, f"database {self.source}", "its copy")
            with contextlib.suppress(subprocess.TimeoutExpired):
                both[-1].wait(LOOK_SECONDS)

    def _dump(self) -> list[str]:
        argv = [postgresql_program("pg_dump"), "--format=custom", "--compress=none"]
        return [*argv, "--no-publications", "--no-subscriptions", "--dbname", self.source]

    def _restore(self) -> list[str]:
        argv = [postgresql_program("pg_restore"), "--exit-on-error"]
        return [*argv, "--no-publications", "--no-subscriptions", "--dbname", self.target]

    def _started(self, argv: list[str], **streams: Any) -> subprocess.Popen[bytes]:
        # A rehearsal's copy need not wait for the disk; one process, which can be slowed down.
        options = "-c synchronous_commit=off -c max_parallel_maintenance_workers=0"
        environment = {"PGAPPNAME": self.application, "PGOPTIONS": options, "LANG": "C.UTF-8"}
        path = os.environ.get("PATH", os.defpath)
        return subprocess.Popen(
            [*GENTLY, *AS_POSTGRES, *argv], cwd="/", env={**environment, "PATH": path}, **streams
        )
