"""Migrating on a real pod: by whom, how gently, and what a migration that fails or lasts leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from provision.contract import PodPlaces
from tests.lab.upgrades.on_host import OnHost, with_a_copy
from tests.lab.upgrades.upgrade_lab import HOST, UpgradeLab

POD = "alpha"
PLACES = PodPlaces(POD)
# version, name, body, more of the class
MakeMigration = Callable[..., None]
# The one that is migrated, so that the live one stays as it is.
SOURCE, COPY = PLACES.database(50), PLACES.database(51)


@pytest.fixture
def host(one_pod: UpgradeLab) -> Iterator[OnHost]:
    with with_a_copy(one_pod, POD, SOURCE) as host:
        yield host


# Each (of a time that Rails believes) is put among the release's migrations, and taken away again.
MIGRATION = """
class {name} < ActiveRecord::Migration[6.1]
  {more}
  def up
    {body}
  end
end
"""


@pytest.fixture
def migration(one_pod: UpgradeLab) -> Iterator[MakeMigration]:
    made: list[str] = []
    directory = PLACES.releases / "*" / "db" / "migrate"

    def make(version: int, name: str, body: str, more: str = "") -> None:
        text = MIGRATION.format(name=name.title().replace("_", ""), body=body, more=more)
        script = f'cd {directory}; cat >"{version}_{name}.rb"'
        one_pod.on(HOST, "sh", "-euc", script, stdin=text.encode())
        made.append(f"{directory}/{version}_{name}.rb")

    yield make
    for path in made:
        one_pod.on(HOST, "sh", "-euc", f"rm -f {path}")


def test_the_migrator_runs_as_the_pod_and_gives_way_until_it_is_told_to_hurry(
    host: OnHost,
) -> None:
    found = host.run("""
        def seen():
            pid = run(["systemctl", "show", "--value", "-p", "MainPID", migrator.unit]).decode()
            status = Path(f"/proc/{pid.strip()}/status").read_text()
            field = lambda name: status.split(name + ":")[1].split()[0]
            return [int(pid), Path(f"/proc/{pid.strip()}").owner(),
                    os.getpriority(os.PRIO_PROCESS, int(pid)), field("NoNewPrivs"), field("CapEff")]
        migrator.start()
        first = seen()
        migrator.start()
        again = seen()
        migrator.hurry()
        hurried = seen()
        began = time.monotonic()
        nothing = migrator.migrate(live, timeout_seconds=20)
        seconds = time.monotonic() - began
        seen_by = "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ 'migrator'"
        connected = psql(seen_by)
        peak = migrator.peak_mb()
        migrator.stop()
        migrator.stop()
        result = [first, again, hurried, nothing, seconds, connected, peak, migrator.is_running()]
    """)
    first, again, hurried, nothing, seconds, connected, peak, runs = found
    assert first[1:] == ["pod-alpha", 15, "1", "0000000000000000"]
    assert again == first
    assert hurried[0] == first[0]
    assert hurried[2] == 0
    assert nothing == []
    assert seconds < 2
    assert connected == "0"
    assert 20 < peak < 400
    assert not runs


def test_a_migration_that_fails_says_why_and_what_ran_before(
    host: OnHost, migration: MakeMigration
) -> None:
    migration(20260101000001, "well", "add_column :posts, :well, :string")
    body = 'add_column :posts, :half, :string; raise "the second half is missing"'
    migration(20260102000001, "half", body, "disable_ddl_transaction!")
    found = host.run(f"""
        migrator.start()
        pending = migrator.pending({SOURCE!r})
        words = refused(migrator.migrate, {SOURCE!r}, timeout_seconds=20)
        columns = database.columns({SOURCE!r}) - database.columns(live)
        result = [pending, words, sorted(columns), migrator.pending({SOURCE!r})]
    """)
    pending, (kind, words, ran), columns, left = found
    assert pending == ["20260101000001", "20260102000001"]
    assert kind == "MigrationFailed"
    assert "the second half is missing" in words
    assert "migrator.rb" not in words
    assert [one["version"] for one in ran] == pending[:1]
    assert columns == ["posts.half", "posts.well"]
    assert left == pending[1:]


def test_a_migration_past_its_deadline_is_gone_from_postgresql_too(
    host: OnHost, migration: MakeMigration
) -> None:
    """Also where whoever asked for it is killed; the migrator itself is used again."""
    migration(20260103000001, "slow", 'execute "SELECT pg_sleep(60)"')
    found = host.run(f"""
        seen = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'"
        migrator.start()
        late = refused(migrator.migrate, {SOURCE!r}, timeout_seconds=1)
        left = psql(seen)
        child = os.fork()
        if child == 0:
            migrator.migrate({SOURCE!r}, timeout_seconds=60)
        appears(seen)
        os.kill(child, 9)
        os.waitpid(child, 0)
        before = run(["systemctl", "show", "-p", "MainPID", migrator.unit])
        migrator.start()
        after = run(["systemctl", "show", "-p", "MainPID", migrator.unit])
        result = [late, left, psql(seen), before == after, migrator.pending({SOURCE!r})]
    """)
    late, *rest = found
    assert late[0] == "MigrationTooLong"
    assert rest == ["0", "0", True, ["20260103000001"]]


def test_a_migration_lets_requests_go_on_when_it_does_not_get_its_table(
    host: OnHost, migration: MakeMigration
) -> None:
    migration(20260104000001, "column", "add_column :posts, :more, :string")
    found = host.run(f"""
        migrator.start()
        argv = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", {SOURCE!r}]
        reader = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
        reader.stdin.write(b"BEGIN; SELECT count(*) FROM posts;\\n")
        reader.stdin.flush()
        reader.stdout.readline()
        began = time.monotonic()
        words = refused(
            migrator.migrate, {SOURCE!r}, timeout_seconds=20, lock_timeout_seconds=0.3
        )
        seconds = time.monotonic() - began
        reader.communicate(b"COMMIT;\\n")
        ran = migrator.migrate({SOURCE!r}, timeout_seconds=20, lock_timeout_seconds=0.3)
        result = [words[0], seconds, [one["version"] for one in ran]]
    """)
    kind, seconds, ran = found
    assert kind == "LockTooLong"
    assert seconds < 2
    assert ran == ["20260104000001"]


def test_a_rehearsal_touches_nothing_that_is_live(host: OnHost, migration: MakeMigration) -> None:
    """No job reaches the queues, and no upload can be changed."""
    migration(20260105000001, "job", "Workers::CleanCachedFiles.perform_in(86_400)")
    found = host.run(f"""
        jobs = lambda: int(run(["redis-cli", "-s", str(places.redis_socket), "ZCARD", "schedule"]))
        before = jobs()
        migrator.start()
        ran = migrator.migrate({SOURCE!r}, timeout_seconds=20, is_rehearsal=True)
        result = [len(ran), jobs() - before]
        copies.copy_by_dump(live, {COPY!r}, places)
        migrator.migrate({COPY!r}, timeout_seconds=20)
        result += [jobs() - before]
        run(["redis-cli", "-s", str(places.redis_socket), "DEL", "schedule"])
    """)
    assert found == [1, 0, 1]
    migration(20260106000001, "upload", 'File.write("public/uploads/mine", "x")')
    words = host.run(f"result = refused(migrator.migrate, {SOURCE!r}, timeout_seconds=20)")
    assert "Read-only file system" in words[1]
