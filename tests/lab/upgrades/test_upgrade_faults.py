"""Upgrades that are disturbed: what serves then, what is said, and that a rerun finishes.

The tests share a pod, which each of them leaves as it was found; most of them go to a release
with a breaking migration, because that is where requests wait and a database moves.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.contract import ARTIFACTS, PodPlaces
from provision.errors import Exit, Refusal
from provision.operations import dispatch
from provision.report import Silent
from tests.lab.operations.altered import altered
from tests.lab.operations.full_disk import EMPTY, FILL
from tests.lab.operations.pod_lab import until
from tests.lab.upgrades.conftest import MakeUpgradeLab
from tests.lab.upgrades.frozen import frozen_at
from tests.lab.upgrades.job import job_runs
from tests.lab.upgrades.sql import PSQL, databases, sql
from tests.lab.upgrades.upgrade_lab import BREAKING, FIRST, HOST, PLAIN, UpgradeLab
from tests.lab.upgrades.user import User
from tests.lab.upgrades.visitor import Visitor
from tests.lab.upgrades.what_stays import differences, taken

POD, SLOW = "alpha", "1.1.0.4"
PLACES = PodPlaces(POD)
# Nobody knows the migration that is tried: it counts as breaking.
UNKNOWN: dict[str, str] = {}
# Of both releases, what starts with the host.
ENABLED = "find /etc/systemd/system -path '*.wants/pod-alpha-*@*' -printf '%f\\n' | sort -u"
# What is unpacked already is not unpacked again.
OTHERS = "find {releases} -mindepth 1 -maxdepth 1 ! -name {live} -exec rm -rf {{}} +"


@pytest.fixture(scope="module")
def changing(make_upgrade_lab: MakeUpgradeLab) -> UpgradeLab:
    return make_upgrade_lab("faults", POD)


@pytest.fixture
def lab(changing: UpgradeLab) -> Iterator[UpgradeLab]:
    """A pod that is the same before and after, whatever the test did to it."""
    before = taken(changing, POD)
    assert changing.record(POD)["release"] == FIRST
    yield changing
    while changing.record(POD)["release"] != FIRST:
        changing.rollback(POD)
    is_as_before(changing)
    assert differences(changing, POD, before) == set()
    # What a rollback leaves, and the next test would find.
    for name in databases(changing, HOST, POD):
        if name != changing.record(POD)["database"]:
            sql(changing, HOST, "template1", f"DROP DATABASE {name} WITH (FORCE)")
    live = str(changing.record(POD)["release_id"])
    changing.shell(HOST, OTHERS.format(releases=PLACES.releases, live=live))


def is_as_before(lab: UpgradeLab) -> None:
    assert User(lab, POD).version() == FIRST
    until(lambda: lab.facts(POD).state == "serving", 60, "something beside the pod is red")
    assert lab.facts(POD).drift == ()
    job_runs(lab, POD)


def refused(lab: UpgradeLab, operation: str, *words: str) -> str:
    """It ends with exit 1 and these words; the release before serves, on its database."""
    with pytest.raises(Refusal) as error:
        lab.follow(POD, operation)
    assert error.value.exit_code == Exit.REFUSED
    assert all(word in str(error.value) for word in words), error.value
    assert lab.record(POD)["release"] == FIRST
    assert databases(lab, HOST, POD) == [str(lab.record(POD)["database"])]
    return str(error.value)


def test_a_second_operation_is_told_of_the_first(lab: UpgradeLab) -> None:
    """So is whoever follows without a name: a controller that was killed finds it again."""
    with frozen_at(lab, POD, "candidate", to=PLAIN) as first:
        for verb in ("rollback", "configure"):
            with pytest.raises(Refusal, match=f"upgrade {first}, started by ") as error:
                lab.start(POD, verb)
            assert f"podfleet follow --pod {POD}" in str(error.value)
    outcome = dispatch.follow(lab.connection(HOST), POD, None, Silent())
    assert (outcome.operation, User(lab, POD).version()) == (first, PLAIN)


def test_a_network_that_is_cut_leaves_the_upgrade_to_go_on(lab: UpgradeLab) -> None:
    started = lab.start(POD, "upgrade", to=PLAIN)
    lab.lab.cut(HOST)
    try:
        threading.Event().wait(15)
    finally:
        lab.lab.heal(HOST)
    lab.connection(HOST).close()
    assert "record" in lab.follow(POD, started).evidence
    assert User(lab, POD).version() == PLAIN


def test_an_artifact_that_was_altered_on_the_way(lab: UpgradeLab) -> None:
    with Visitor(lab, POD) as visitor, frozen_at(lab, POD, "preflight", to=PLAIN) as started:
        name = lab.built[PLAIN].release_id
        lab.shell(HOST, f"printf x >>{ARTIFACTS}/{name}.tar.zst")
    refused(lab, started, "was altered")
    assert visitor.failed == []
    lab.upgrade(POD, PLAIN)


@pytest.mark.parametrize(("step", "to"), [("unpack", PLAIN), ("rehearse", BREAKING),
                                          ("move", BREAKING)])  # fmt: skip
def test_a_disk_that_becomes_full(lab: UpgradeLab, step: str, to: str) -> None:
    """At unpacking, at the rehearsal's copy, at the safety copy."""
    with frozen_at(lab, POD, step, to=to) as started:
        lab.shell(HOST, FILL)
    try:
        said = refused(lab, started)
    finally:
        lab.shell(HOST, EMPTY)
    assert "full" in said or "free" in said or "No space" in said, said
    assert "ake room" in said, said


HEAVY = """class CountWords < ActiveRecord::Migration[7.2]
  def up
    execute "CREATE UNLOGGED TABLE heavy AS SELECT repeat(md5(n::text), 30) AS words " \\
            "FROM generate_series(1, 150000) AS n"
  end
end
"""
MIGRATION = "db/migrate/20260103000000_count_words.rb"


def test_a_disk_that_becomes_full_during_the_migration(lab: UpgradeLab, tmp_path: Path) -> None:
    """An expand migration, on the live database: what it began is taken back whole."""
    made(lab, tmp_path, HEAVY)
    with frozen_at(lab, POD, "expand", to=SLOW) as started:
        lab.shell(HOST, f"fallocate -l 60M /srv/room; {FILL} rm /srv/room")
    try:
        refused(lab, started, "No space left on device")
    finally:
        lab.shell(HOST, EMPTY)
    assert sql(lab, HOST, "pod_alpha_1", "SELECT to_regclass('heavy')") == ""


LONG = """class CountWords < ActiveRecord::Migration[7.2]
  def up
    execute "SELECT pg_sleep(60)"
  end
end
"""
SESSION = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'"


def test_a_disk_that_becomes_full_during_the_rehearsal(lab: UpgradeLab, tmp_path: Path) -> None:
    """It ends before PostgreSQL cannot write any more, and its copy gives its room back."""
    made(lab, tmp_path, LONG)
    started = lab.start(POD, "upgrade", to=SLOW, kinds=UNKNOWN)
    until(lambda: sql(lab, HOST, "template1", SESSION) == "1", 60, "nothing is rehearsed")
    lab.shell(HOST, f"fallocate -l 60M /srv/room; {FILL} rm /srv/room")
    try:
        refused(lab, started, "the rehearsal was ended: only", "Make room")
    finally:
        lab.shell(HOST, EMPTY)


def made(lab: UpgradeLab, where: Path, migration: str) -> None:
    """1.1.0.4, with another migration in place of its own."""
    lab.name_release(POD, SLOW)
    lab.built.pop(SLOW, None)
    base = lab.artifact(POD)
    lab.built[SLOW] = altered(
        base, lab.vault, where, lambda tree: (tree / MIGRATION).write_text(migration)
    )


def test_a_request_that_takes_longer_than_others_may_wait(lab: UpgradeLab) -> None:
    """The hold passes its deadline: whoever waited is answered by the old release."""
    user = User(lab, POD)
    ask = user.questions.upload()
    with frozen_at(lab, POD, "close", to=BREAKING) as started:
        lock = "BEGIN; LOCK TABLE photos IN EXCLUSIVE MODE; SELECT pg_sleep(26); COMMIT"
        argv = ["systemd-run", "--quiet", "--collect", "--unit=locker", *PSQL, "x=1"]
        lab.on(HOST, *argv, "-d", "pod_alpha_1", "-c", lock)
        until(lambda: has_lock(lab, "ExclusiveLock", granted=True), 10, "photos is not locked")
        statuses: list[int] = []
        slow = threading.Thread(target=lambda: statuses.append(user.client.ask(ask).status))
        slow.start()
        waits = lambda: has_lock(lab, "RowExclusiveLock", granted=False)  # noqa: E731
        until(waits, 20, "the request does not wait")
    with Visitor(lab, POD) as visitor:
        refused(lab, started, "a request was not answered within", "--maintenance")
    slow.join(30)
    assert statuses == [200]
    assert visitor.failed == []


def has_lock(lab: UpgradeLab, mode: str, *, granted: bool) -> bool:
    asked = f"SELECT count(*) FROM pg_locks WHERE relation = 'photos'::regclass AND mode = '{mode}'"
    said = sql(lab, HOST, "pod_alpha_1", f"{asked} AND granted IS {granted}")
    return said != "0"


SLOW_WHEN_LIVE = """class CountWords < ActiveRecord::Migration[7.2]
  def up
    execute "SELECT pg_sleep(30) FROM posts WHERE text = 'take your time' LIMIT 1"
    add_column :posts, :words_count, :integer
  end
end
"""


def test_a_migration_that_takes_longer_than_it_was_rehearsed(
    lab: UpgradeLab, tmp_path: Path
) -> None:
    made(lab, tmp_path, SLOW_WHEN_LIVE)
    with frozen_at(lab, POD, "close", to=SLOW, kinds=UNKNOWN) as started:
        mark = "UPDATE posts SET text = 'take your time' WHERE id = (SELECT max(id) FROM posts)"
        old = sql(lab, HOST, "pod_alpha_1", "SELECT text FROM posts ORDER BY id DESC LIMIT 1")
        sql(lab, HOST, "pod_alpha_1", mark)
    with Visitor(lab, POD) as visitor, contextlib.suppress(Refusal):
        lab.follow(POD, started)
    sql(lab, HOST, "pod_alpha_1", mark.replace("'take your time'", f"$body${old}$body$"))
    refused(lab, started, "held for more than 20 s", "--maintenance")
    assert visitor.failed == []


SLOW_ALWAYS = SLOW_WHEN_LIVE.replace(
    "SELECT pg_sleep(30) FROM posts", "SELECT pg_sleep(17)"
).replace(" WHERE text = 'take your time' LIMIT 1", "")


def test_a_migration_that_is_predicted_to_take_long_closes_the_pod(
    lab: UpgradeLab, tmp_path: Path
) -> None:
    """With the maintenance page, and whoever asked gets it at once."""
    made(lab, tmp_path, SLOW_ALWAYS)
    with Visitor(lab, POD) as visitor:
        lab.upgrade(POD, SLOW, kinds=UNKNOWN)
    assert {visit.status for visit in visitor.failed} == {503}
    assert visitor.slowest < 15
    assert User(lab, POD).version() == SLOW


def test_a_session_that_does_not_end(lab: UpgradeLab) -> None:
    """One that is only idle is ended; one whose process is stopped is named."""
    with frozen_at(lab, POD, "close", to=BREAKING) as started:
        argv = ["systemd-run", "--quiet", "--collect", "--unit=session", *PSQL, "x=1"]
        hold = "SET application_name TO 'stubborn'; BEGIN; SELECT pg_sleep(300)"
        lab.on(HOST, *argv, "-d", "pod_alpha_1", "-c", hold)
        who = "SELECT pid FROM pg_stat_activity WHERE application_name = 'stubborn'"
        until(lambda: sql(lab, HOST, "template1", who) != "", 10, "it has no session")
        pid = sql(lab, HOST, "template1", who)
        lab.on(HOST, "kill", "-STOP", pid)
    try:
        with Visitor(lab, POD) as visitor:
            said = refused(lab, started, "a session does not end", pid)
    finally:
        lab.shell(HOST, f"kill -CONT {pid}; systemctl stop session || :")
    assert "same command again" in said
    assert visitor.failed == []


def test_an_upload_that_trickles_through_the_switch(lab: UpgradeLab) -> None:
    """And a session in a transaction, and rows that come meanwhile: nothing is lost."""
    user = User(lab, POD)
    trickle = user.questions.upload("trickle", spread_seconds=12.0)
    answers: list[int] = []
    with Visitor(lab, POD) as visitor:
        with frozen_at(lab, POD, "close", to=BREAKING) as started:
            thread = threading.Thread(
                target=lambda: answers.append(user.client.ask(trickle).status)
            )
            thread.start()
            argv = ["systemd-run", "--quiet", "--collect", "--unit=session", *PSQL, "x=1"]
            lab.on(HOST, *argv, "-d", "pod_alpha_1", "-c", "BEGIN; SELECT pg_sleep(300)")
        lab.follow(POD, started)
        thread.join(30)
    assert answers == [200]
    assert visitor.failed == []
    assert User(lab, POD).version() == BREAKING
    for to in (FIRST, PLAIN):
        error = lab.fails(POD, "upgrade", to=to)
        assert "20260301000000" in str(error) and "safety copy" in str(error)
        assert f"podfleet rollback --pod {POD}" in str(error)
    lab.name_release(POD, FIRST)


def test_a_rollback_that_fails_itself_says_what_to_do_by_hand(lab: UpgradeLab) -> None:
    """Exit 4; and what it says, word for word, brings the old release back."""
    old = lab.release_id(POD)
    code = f"{PLACES.release(old)}/config.ru"
    with frozen_at(lab, POD, "gates", to=BREAKING) as started:
        new = lab.built[BREAKING].release_id
        lab.on(HOST, "systemctl", "stop", PLACES.sidekiq_unit(new))
        unit = PLACES.web_unit(old)
        lab.shell(HOST, f"mv {code} {code}.away; systemctl kill -s KILL {unit}; sleep 1")
    with pytest.raises(Exception, match="failed as well") as error:
        lab.follow(POD, started)
    assert getattr(error.value, "exit_code", None) == Exit.NOT_SAFE
    said = str(error.value)
    lab.on(HOST, "mv", f"{code}.away", code)
    told, _, then = said.rpartition("On the host: ")[2].partition(" Then, where podfleet runs: ")
    commands = told.split("`")[1::2]
    assert len(commands) == 8, said
    assert then.startswith(f"`podfleet up --deep --pod {POD}`")
    for command in commands:
        lab.shell(HOST, f"cd /; {command}")
    until(lambda: lab.get(POD) == 200, 60, "it does not serve")
    assert User(lab, POD).version() == FIRST
    for verb, more in (("rollback", {}), ("upgrade", {"to": PLAIN})):
        assert f"podfleet up --deep --pod {POD}" in str(lab.fails(POD, verb, **more))
    assert User(lab, POD).version() == FIRST
    lab.name_release(POD, FIRST)
    lab.run(POD, "configure")
    assert sorted(lab.shell(HOST, ENABLED).split()) == sorted(
        [PLACES.sidekiq_unit(old), PLACES.web_socket_unit(old), PLACES.web_unit(old)]
    )
