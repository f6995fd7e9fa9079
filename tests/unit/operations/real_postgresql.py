"""A PostgreSQL of the test's own: a cluster on a socket in a directory that is gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provision.operations.commands import postgresql_program

SUPERUSER = "postgres"


@dataclass(frozen=True)
class Cluster:
    """Everybody may say who they are: what roles may do is asked, not who they are."""

    directory: Path

    def psql(
        self, sql: str, variables: Mapping[str, str] | None = None, database: str = "postgres"
    ) -> str:
        """Stands where operations call `psql` as the superuser."""
        return self.said_by(SUPERUSER, sql, variables, database)

    def said_by(
        self,
        role: str,
        sql: str,
        variables: Mapping[str, str] | None = None,
        database: str = "postgres",
    ) -> str:
        argv = [postgresql_program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
        argv += ["-h", str(self.directory), "-U", role, "-d", database]
        for name, value in (variables or {}).items():
            argv += ["-v", f"{name}={value}"]
        done = subprocess.run(argv, input=sql.encode(), capture_output=True, check=True)
        return done.stdout.decode().strip()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Initialised, started, and in the end stopped and removed."""
    directory = Path(tempfile.mkdtemp(prefix="podfleet-postgresql-"))
    try:
        _hand_over(directory)
        data = directory / "data"
        _run("initdb", "-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={directory} -c fsync=off"
        _run("pg_ctl", "-D", data, "-w", "-l", directory / "log", "-o", options, "start")
        try:
            yield Cluster(directory)
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(directory)


def _hand_over(directory: Path) -> None:
    """PostgreSQL refuses to run as root."""
    directory.chmod(0o755)
    if os.geteuid() == 0:
        user = pwd.getpwnam(SUPERUSER)
        os.chown(directory, user.pw_uid, user.pw_gid)


def _run(program: str, *words: object) -> None:
    argv = [postgresql_program(program), *map(str, words)]
    as_user = ["setpriv", f"--reuid={SUPERUSER}", f"--regid={SUPERUSER}", "--clear-groups"]
    if os.geteuid() == 0:
        argv = [*as_user, *argv]
    subprocess.run(argv, check=True, cwd="/", capture_output=True)
