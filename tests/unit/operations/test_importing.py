"""A dump of an older PostgreSQL, taken in as the pod's own role by a real one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provision.contract import PodPlaces
from provision.operations import database, importing
from tests.unit.monitoring import servers
from tests.unit.operations.real_postgresql import SUPERUSER, Cluster, cluster

PLACES = PodPlaces("alpha")
NAME = "pod_alpha_1"


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The database `old` as PostgreSQL 10 and before dump every one: plpgsql and its comment too.

    Newer ones leave that out only of a plpgsql that initdb made.
    """
    with cluster() as made:
        monkeypatch.setenv("PGHOST", str(made.sockets))
        monkeypatch.setenv("PGUSER", SUPERUSER)
        monkeypatch.setattr(importing, "as_user", lambda _: ())
        monkeypatch.setattr(database, "psql", made.psql)
        made.psql("CREATE DATABASE old")
        made.psql(
            "DROP EXTENSION plpgsql; CREATE EXTENSION plpgsql;"
            "CREATE TABLE posts (id serial PRIMARY KEY, text text);"
            "INSERT INTO posts (text) VALUES ('GRANT me this')",
            database="old",
        )
        database.ensure(PLACES, NAME)
        yield made


@pytest.mark.parametrize(
    ("form", "restore"),
    [("custom", importing.restore_custom), ("plain", importing.restore_plain)],
)
def test_an_old_dump_is_taken_in_and_belongs_to_the_pod(
    old: Cluster, tmp_path: Path, form: str, restore: Callable[[Path, str, PodPlaces], None]
) -> None:
    dump = tmp_path / "dump"
    subprocess.run(
        [servers.binary("pg_dump"), f"--format={form}", f"--file={dump}", "old"], check=True
    )
    assert b"COMMENT ON EXTENSION plpgsql" in dump.read_bytes()
    restore(dump, NAME, PLACES)
    assert old.said_by(PLACES.user, "SELECT text FROM posts", database=NAME) == "GRANT me this"
    assert old.psql("SELECT tableowner FROM pg_tables WHERE tablename = 'posts'", None, NAME) == (
        PLACES.user
    )


def test_a_plain_dump_can_do_no_more_than_its_pod(old: Cluster, tmp_path: Path) -> None:
    """What somebody wrote into the dump of a server that was not podfleet's."""
    dump = tmp_path / "dump"
    dump.write_text("RESET ROLE;\nCREATE ROLE intruder LOGIN;\n")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        importing.restore_plain(dump, NAME, PLACES)
    assert b"permission denied to create role" in refused.value.stderr
    assert old.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'intruder'") == "0"
