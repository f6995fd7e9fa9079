"""SQL on a lab's host, as PostgreSQL's own user."""

from __future__ import annotations

from tests.lab.operations.pod_lab import PodLab

PSQL = ("env", "-C", "/", "runuser", "-u", "postgres", "--", "psql", "-XAtq", "-v")


def sql(lab: PodLab, host: str, database: str, statements: str) -> str:
    """What psql prints, without titles."""
    argv = [*PSQL, "ON_ERROR_STOP=1", "-d", database, "-f", "-"]
    return lab.on(host, *argv, stdin=statements.encode()).strip()


def databases(lab: PodLab, host: str, pod: str) -> list[str]:
    names = f"SELECT datname FROM pg_database WHERE datname LIKE 'pod_{pod}_%' ORDER BY 1"
    return sql(lab, host, "template1", names).split()
