"""What the monitor may read of a pod's database: a real PostgreSQL says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from provision.contract import MONITOR_USER
from provision.operations import copies, monitor_rights
from tests.unit.operations.real_postgresql import Cluster, cluster

DATABASE = "pod_alpha_1"
# As a pod has them, as far as it matters here.
TABLES = """
CREATE TABLE pods (id int, host text, status int, offline_since timestamp, blocked boolean);
CREATE TABLE users (id int, username text, email text, encrypted_password text,
                    serialized_private_key text, last_seen timestamp, created_at timestamp);
CREATE TABLE people (id int, owner_id int, pod_id int, closed_account boolean,
                     diaspora_handle text);
CREATE TABLE contacts (id int, user_id int, person_id int, sharing boolean, receiving boolean);
CREATE TABLE posts (id int, author_id int, type text, text text, created_at timestamp);
CREATE TABLE comments (id int, author_id int, text text, created_at timestamp);
CREATE TABLE schema_migrations (version text);
CREATE TABLE conversations (id int, subject text);
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as found:
        found.psql('CREATE ROLE "pod-alpha" LOGIN')
        yield found


@pytest.fixture
def pod(server: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A database as operations make one for a pod, with its tables."""
    monkeypatch.setattr(monitor_rights, "psql", server.psql)
    monkeypatch.setattr(copies, "psql", server.psql)
    server.psql(f'CREATE DATABASE {DATABASE} OWNER "pod-alpha" TEMPLATE template0')
    server.psql(
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;"
        f'GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO "pod-alpha"'
    )
    server.said_by("pod-alpha", TABLES, database=DATABASE)
    yield server
    server.psql("DROP DATABASE IF EXISTS pod_alpha_2")
    server.psql(f"DROP DATABASE {DATABASE}")


def as_monitor(server: Cluster, sql: str, database: str = DATABASE) -> str:
    return server.said_by(MONITOR_USER, sql, database=database)


COUNTS = """
SELECT count(*) FROM users u JOIN people p ON p.owner_id = u.id WHERE NOT p.closed_account;
SELECT count(*) FROM posts JOIN people ON people.id = author_id WHERE type = 'StatusMessage';
SELECT count(*) FROM comments JOIN people ON people.id = author_id;
SELECT p.host, p.status, p.offline_since, count(c.id) FROM pods p
LEFT JOIN people o ON o.pod_id = p.id LEFT JOIN contacts c ON c.person_id = o.id
GROUP BY 1, 2, 3;
SELECT max(version) FROM schema_migrations;
"""
PRIVATE = [
    *("SELECT email FROM users", "SELECT encrypted_password FROM users", "SELECT * FROM users"),
    *("SELECT serialized_private_key FROM users", "SELECT username FROM users"),
    *("SELECT text FROM posts", "SELECT text FROM comments", "SELECT * FROM conversations"),
    "SELECT diaspora_handle FROM people",
]
WRITES = [
    *("DELETE FROM pods", "UPDATE users SET last_seen = NULL", "CREATE TABLE mine (id int)"),
    *("INSERT INTO posts (id) VALUES (1)", "TRUNCATE comments", "CREATE TEMP TABLE mine (id int)"),
]


def test_it_counts_and_reads_nothing_private(pod: Cluster) -> None:
    monitor_rights.grant(DATABASE)
    as_monitor(pod, COUNTS)
    for sql in PRIVATE:
        with pytest.raises(subprocess.CalledProcessError) as refused:
            as_monitor(pod, sql)
        assert b"permission denied" in refused.value.stderr, sql


@pytest.mark.parametrize("sql", WRITES)
def test_it_never_writes(pod: Cluster, sql: str) -> None:
    """Neither by itself nor once it calls its transaction one that writes."""
    monitor_rights.grant(DATABASE)
    for begin in ("", "SET default_transaction_read_only TO off;"):
        with pytest.raises(subprocess.CalledProcessError):
            as_monitor(pod, begin + sql)


def test_granted_again_for_new_columns_and_nothing_else_changes(pod: Cluster) -> None:
    monitor_rights.grant(DATABASE)
    pod.psql("ALTER TABLE users DROP COLUMN last_seen", database=DATABASE)
    pod.psql("ALTER TABLE users ADD COLUMN locked_at timestamp", database=DATABASE)
    monitor_rights.grant(DATABASE)
    as_monitor(pod, "SELECT locked_at FROM users")
    assert pod.psql(f"SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = '{MONITOR_USER}'")
    assert as_monitor(pod, "SHOW default_transaction_read_only") == "on"
    assert as_monitor(pod, "SHOW statement_timeout") == "15s"


def test_nobody_lets_it_into_another_pods_database(pod: Cluster) -> None:
    monitor_rights.grant(DATABASE)
    pod.psql("CREATE DATABASE pod_alpha_2")
    pod.psql("REVOKE ALL ON DATABASE pod_alpha_2 FROM PUBLIC")
    with pytest.raises(subprocess.CalledProcessError):
        as_monitor(pod, "SELECT 1", "pod_alpha_2")


def test_a_copy_of_files_can_be_read_like_what_it_was_copied_from(pod: Cluster) -> None:
    """So an upgrade's own database can be read from the moment at which it is the live one."""
    monitor_rights.grant(DATABASE)
    pod.psql(f"CREATE DATABASE pod_alpha_2 TEMPLATE {DATABASE}")
    copies.take_over(DATABASE, "pod_alpha_2")
    as_monitor(pod, COUNTS, "pod_alpha_2")
    with pytest.raises(subprocess.CalledProcessError):
        as_monitor(pod, "SELECT email FROM users", "pod_alpha_2")


def test_a_database_without_tables_or_without_itself_fails_nothing(pod: Cluster) -> None:
    pod.psql("CREATE DATABASE pod_alpha_2")
    assert monitor_rights.try_to_grant("pod_alpha_2") is None
    words = monitor_rights.try_to_grant("pod_alpha_9")
    assert words and "cannot read pod_alpha_9" in words and "does not exist" in words
