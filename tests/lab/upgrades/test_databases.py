"""Copying, closing and pruning databases on a real pod; what is left of a copy that is cut."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from provision.contract import PodPlaces
from tests.lab.operations.pod_lab import until
from tests.lab.upgrades.conftest import MakeUpgradeLab
from tests.lab.upgrades.on_host import OnHost, with_a_copy
from tests.lab.upgrades.upgrade_lab import BREAKING, EXPAND, FIRST, UpgradeLab

POD = "alpha"
PLACES = PodPlaces(POD)
# The one that tests copy from, so that the live one stays as it is.
SOURCE, COPY = PLACES.database(50), PLACES.database(51)


@pytest.fixture(scope="module")
def lab(make_upgrade_lab: MakeUpgradeLab) -> UpgradeLab:
    return make_upgrade_lab("databases", POD)


@pytest.fixture
def host(lab: UpgradeLab) -> Iterator[OnHost]:
    with with_a_copy(lab, POD, SOURCE) as host:
        yield host


def grow(host: OnHost, megabytes: int) -> None:
    rows = megabytes * 2700
    sql = "CREATE TABLE fill AS SELECT g, repeat(md5(g::text), 10) FROM generate_series(1, {}) AS g"
    host.run(f"psql({sql.format(rows)!r}, database={SOURCE!r})")


IDENTITY = """
    def identity(name):
        rights = psql("SELECT pg_get_userbyid(datdba), datacl, datconnlimit, encoding, datcollate, "
                      "datctype FROM pg_database WHERE datname = :'name'", {"name": name})
        settings = psql("SELECT setrole::regrole, setconfig FROM pg_db_role_setting JOIN "
                        "pg_database d ON d.oid = setdatabase WHERE datname = :'name' ORDER BY 1",
                        {"name": name})
        dump = run(["runuser", "-u", "postgres", "--", "pg_dump", "-d", name], cwd=Path("/"))
        # Each dump has a key of its own.
        lines = [line for line in dump.decode().splitlines() if "restrict " not in line]
        return [rights, settings, lines]
"""


def test_a_copy_is_like_its_source_in_all_that_it_is(host: OnHost) -> None:
    """Owner, rights, settings (quoted, lists, of a role), and every row; by either way."""
    found = host.run(
        IDENTITY
        + f"""
    psql('''
        DO $$ BEGIN CREATE ROLE reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        GRANT CONNECT ON DATABASE {SOURCE} TO reader WITH GRANT OPTION;
        ALTER DATABASE {SOURCE} CONNECTION LIMIT 40;
        ALTER DATABASE {SOURCE} SET search_path TO "$user", public;
        ALTER DATABASE {SOURCE} SET application_name TO 'it''s "quoted"; \\\\x';
        ALTER DATABASE {SOURCE} SET work_mem TO '5MB';
        ALTER ROLE "pod-alpha" IN DATABASE {SOURCE} SET statement_timeout TO '1min';
    ''')
    before = identity({SOURCE!r})
    copies.copy_by_dump({SOURCE!r}, {COPY!r}, places)
    dumped = identity({COPY!r})
    copies.copy_files({SOURCE!r}, {COPY!r}, places, timeout_seconds=60)
    result = [before, dumped, identity({COPY!r})]
    """
    )
    before, dumped, copied = found
    assert "statement_timeout=1min" in before[1]
    assert "reader=c*" in before[0]
    assert copied == before
    assert dumped == before


def test_a_copy_that_takes_too_long_is_ended_and_leaves_nothing(host: OnHost) -> None:
    grow(host, 60)
    found = host.run(f"""
        database.close({SOURCE!r})
        late = refused(copies.copy_files, {SOURCE!r}, {COPY!r}, places, timeout_seconds=0.05)
        there = database.exists({COPY!r})
        database.reopen({SOURCE!r})
        preflight.LEAST_FREE_BYTES = 1 << 60
        full = refused(copies.copy_by_dump, {SOURCE!r}, {COPY!r}, places)
        result = [late, full, there, database.exists({COPY!r}), orphans.orphaned_files()]
    """)
    late, full, *left = found
    assert late[0] == "CopyTooLong"
    assert "--maintenance" in late[1]
    assert "are left on the disk" in full[1]
    assert left == [False, False, []]


def test_a_second_run_takes_over_from_a_copy_whose_process_was_killed(host: OnHost) -> None:
    """The statement of the first goes on in PostgreSQL until that notices."""
    grow(host, 120)
    left = host.run(f"""
        child = os.fork()
        if child == 0:
            copies.copy_files({SOURCE!r}, {COPY!r}, places, timeout_seconds=60)
            os._exit(0)
        seen = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^CREATE DATABASE'"
        appears(seen)
        os.kill(child, 9)
        os.waitpid(child, 0)
        copies.copy_files({SOURCE!r}, {COPY!r}, places, timeout_seconds=60)
        result = [database.exists({COPY!r}), database.half_dropped(), psql(seen)]
    """)
    assert left == [True, [], "0"]


def test_what_a_crash_leaves_of_a_copy_is_named_and_pruned(lab: UpgradeLab, host: OnHost) -> None:
    """PostgreSQL dies in the middle of it: files that no database has stay in its directory."""
    grow(host, 240)
    host.run(f"""
        psql("CHECKPOINT")
        base = Path(psql("SELECT current_setting('data_directory')")) / "base"
        before = set(os.listdir(base))
        server = "postgresql@17-main.service"
        show = ["systemctl", "show", "--value", "--property=ControlGroup", server]
        group = subprocess.run(show, capture_output=True, text=True).stdout.strip()
        processes = Path("/sys/fs/cgroup" + group) / "cgroup.procs"
        def copied():
            new = [base / name for name in set(os.listdir(base)) - before]
            return sum(file.stat().st_size for path in new for file in path.glob("*"))
        child = os.fork()
        if child == 0:
            os.setsid()
            sys.stderr = open(os.devnull, "w")
            copies.copy_files({SOURCE!r}, {COPY!r}, places, timeout_seconds=60)
            os._exit(0)
        # As soon as some of it is there: a fast disk soon has all of it.
        deadline = time.monotonic() + 60
        while copied() < 2 << 20 and time.monotonic() < deadline:
            time.sleep(0.001)
        # Without a program in between, which would leave it the time to end well.
        for pid in processes.read_text().split():
            os.kill(int(pid), 9)
        os.waitpid(child, 0)
        run(["systemctl", "restart", server])
    """)
    until(lambda: lab.get(POD, "/public") == 200, 30, "the pod does not serve again")
    listed, pruned, left = host.run("""
        # Ten minutes later: its recovery may have touched what it found.
        base = Path(psql("SELECT current_setting('data_directory')")) / "base"
        known = set(psql("SELECT oid FROM pg_database").split())
        for path in base.iterdir():
            if path.name.isdigit() and path.name not in known:
                os.utime(path, (time.time() - 3600,) * 2)
        listed = [one for one in releases.listed("alpha") if one["kind"] == "orphan"]
        pruned = [one["id"] for one in releases.prune("alpha", {})]
        result = [listed, pruned, orphans.orphaned_files()]
    """)
    (orphan,) = listed
    assert "/base/" in orphan["id"]
    assert orphan["bytes"] > 1 << 20
    assert orphan["id"] in pruned
    assert left == []


def test_closing_ends_every_session_and_lets_nobody_in(host: OnHost) -> None:
    found = host.run(f"""
        client = ["runuser", "-u", "pod-alpha", "--", "psql", "-XAtq", "-d", {SOURCE!r}]
        held = subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, cwd="/")
        held.stdin.write(b"BEGIN; UPDATE users SET language = 'xx'; SELECT pg_backend_pid();\\n")
        held.stdin.flush()
        pid = int(held.stdout.readline())
        os.kill(pid, 19)
        stuck = refused(database.close, {SOURCE!r}, deadline_seconds=0.5)
        os.kill(pid, 18)
        began = time.monotonic()
        database.close({SOURCE!r})
        seconds = time.monotonic() - began
        again = subprocess.run([*client, "-c", "SELECT 1"], capture_output=True, cwd="/")
        database.reopen({SOURCE!r})
        changed = psql("SELECT count(*) FROM users WHERE language = 'xx'", database={SOURCE!r})
        result = [stuck[1], pid, seconds, again.returncode, again.stderr.decode(), changed]
    """)
    stuck, pid, seconds, code, words, changed = found
    assert f"a session does not end: {pid}" in stuck
    assert seconds < 1
    assert code != 0
    assert "not currently accepting connections" in words
    assert changed == "0"


def test_rows_written_since_are_counted(host: OnHost) -> None:
    found = host.run(f"""
        marks = database.marks({SOURCE!r})
        psql("INSERT INTO pods (host, created_at, updated_at) VALUES ('a.test', now(), now()), "
             "('b.test', now(), now()); CREATE TABLE later (id serial PRIMARY KEY); "
             "INSERT INTO later DEFAULT VALUES; CREATE TABLE odd (id text PRIMARY KEY);",
             database={SOURCE!r})
        result = [marks["users"], database.rows_since({SOURCE!r}, marks),
                  database.next_number(places)]
        psql("ALTER DATABASE {SOURCE} CONNECTION LIMIT 40")
        database.close({SOURCE!r})
        result += [database.rows_since({SOURCE!r}, marks), database.is_closed({SOURCE!r})]
        database.reopen({SOURCE!r})
        result += [psql("SELECT datconnlimit FROM pg_database WHERE datname = '{SOURCE}'")]
    """)
    since = {"pods": 2, "later": 1}
    assert found == [2, since, 51, since, True, "40"]


def kept(lab: UpgradeLab) -> dict[tuple[str, str], str | None]:
    """Why each thing is kept; releases by their version."""
    told = OnHost(lab, POD).run("result = releases.listed('alpha')")
    return {(one["kind"], one["id"].partition("-")[0]): one["why"] for one in told}


def prune(lab: UpgradeLab, *accepted: str) -> set[tuple[str, str]]:
    script = f"result = releases.prune('alpha', {{'accept': {list(accepted)}}})"
    gone = OnHost(lab, POD).run(script)
    return {(one["kind"], one["id"].partition("-")[0]) for one in gone}


def test_pruning_keeps_the_way_back_and_what_a_rollback_left(lab: UpgradeLab) -> None:
    """Comes last: the pod changes its release."""
    old, new = PLACES.database(1), PLACES.database(2)
    for version in (EXPAND, BREAKING):
        lab.run(POD, "upgrade", to=version)
    assert prune(lab) >= {("release", FIRST), ("way back", FIRST)}
    assert kept(lab)["release", EXPAND] == "the way back"
    assert f"goes by --accept {old}" in str(kept(lab)["database", old])
    assert prune(lab) == set()

    lab.run(POD, "rollback")
    assert lab.get(POD, "/public") == 200
    assert ("release", BREAKING) in prune(lab)
    assert kept(lab)["database", old] == "in use"
    assert BREAKING in str(kept(lab)["database", new])
    assert prune(lab, new) >= {("database", new), ("way back", BREAKING)}
    assert [name for kind, name in kept(lab) if kind == "database"] == [old]
    assert lab.get(POD, "/public") == 200
