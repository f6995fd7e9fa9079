"""A PostgreSQL of the test's own, asked through psql as operations do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.unit.monitoring import servers

SUPERUSER = "postgres"


@dataclass(frozen=True)
class Cluster:
    """Everybody may say who they are: what roles may do is asked, not who they are."""

    sockets: Path

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
        argv = [servers.binary("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
        argv += ["-h", str(self.sockets), "-U", role, "-d", database]
        for name, value in (variables or {}).items():
            argv += ["-v", f"{name}={value}"]
        done = subprocess.run(argv, input=sql.encode(), capture_output=True, check=True)
        return done.stdout.decode().strip()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Initialised, started, and in the end stopped and removed."""
    with servers.directory() as where:
        server = servers.Postgres(where)
        server.begin()
        try:
            yield Cluster(server.sockets)
        finally:
            server.stop()
