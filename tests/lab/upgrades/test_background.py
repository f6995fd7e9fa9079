"""sidekiq's hand-over on a real pod: the new one waits, the old one ends, no job is lost or twice.

The new release is a copy of the live one under another id: what is tested is who takes the jobs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from provision.contract import PodPlaces
from tests.lab.operations.pod_lab import PodLab, until
from tests.lab.upgrades.host_script import on_host
from tests.lab.upgrades.upgrade_lab import UpgradeLab

HOST, POD = "one", "alpha"
PLACES = PodPlaces(POD)
NEW = "1.0.0.1-00000000"

JOBS = """
new = "1.0.0.1-00000000"
old_unit, new_unit = places.sidekiq_unit(live), places.sidekiq_unit(new)
def payload(jid, at, name="CleanCachedFiles"):
    return json.dumps({"class": f"Workers::{name}", "args": [], "queue": "low", "retry": False,
                       "jid": jid, "created_at": at, "enqueued_at": time.time()})
def enqueue(jid, name="CleanCachedFiles"):
    redis("LPUSH", "queue:low", payload(jid, time.time(), name))
def done(unit):
    log = run(["journalctl", "--unit", unit, "--output=cat", "--no-pager"]).decode()
    return [line.split("jid=")[1].split()[0] for line in log.splitlines() if ": done" in line]
def await_(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def lab(one_pod: UpgradeLab) -> Iterator[PodLab]:
    copy = f"run(['cp', '-a', str(places.release(live)), {str(PLACES.release(NEW))!r}])"
    on_host(one_pod, POD, copy)
    yield one_pod
    on_host(one_pod, POD, JOBS + "background.stop(places, new)\n")
    one_pod.on(HOST, "rm", "-r", str(PLACES.release(NEW)))


@pytest.fixture(autouse=True)
def only_the_live_one(lab: PodLab) -> Iterator[None]:
    """Each test begins with the live release's sidekiq alone, and the other's latch lowered."""
    on_host(
        lab,
        POD,
        JOBS
        + """
background.stop(places, new)
background.lower(places, new)
background.start_again(places, live)
""",
    )
    yield


WAITS = """
background.start_waiting(places, new)
background.await_latch(places, new)
pid = unit_properties(new_unit, "MainPID")["MainPID"]
connections = psql("SELECT count(*) FROM pg_stat_activity WHERE usename = :'role'",
                   {"role": places.user})
background.stop(places, live)
without_old = psql("SELECT count(*) FROM pg_stat_activity WHERE usename = :'role'",
                   {"role": places.user})
enqueue("waits")
time.sleep(2)
state = unit_properties(new_unit, "ActiveState", "StatusText")
quiet = (background.quiet(places, new), background.await_idle(places, new, time.monotonic()))[1]
queued, known = redis("LLEN", "queue:low"), redis("SMEMBERS", "processes")
began = time.monotonic()
background.lift(places, new)
background.await_ready(places, new)
lifted = time.monotonic() - began
await_(lambda: "waits" in done(new_unit))
said = {"state": state, "queued": queued, "known": known, "lifted": lifted, "quiet": quiet,
        "connections": int(connections), "without_old": int(without_old)}
"""


def test_it_waits_at_its_latch_and_takes_no_job(lab: PodLab) -> None:
    said = on_host(lab, POD, JOBS + WAITS)
    assert said["state"] == {"ActiveState": "activating", "StatusText": "waits at its latch"}
    assert said["queued"] == "1"
    assert said["known"] == ""
    # What takes no jobs is idle, and was not stopped by being told so.
    assert said["quiet"] is True
    # Ready within a moment: all of Rails was there.
    assert said["lifted"] < 3


HAND_OVER = """
background.start_waiting(places, new)
background.await_latch(places, new)
stop = threading.Event()
made = []
def busy():
    while not stop.is_set():
        enqueue(f"over{len(made):04d}")
        made.append(f"over{len(made):04d}")
        time.sleep(0.01)
load = threading.Thread(target=busy)
load.start()
time.sleep(1)
background.quiet(places, live)
background.lift(places, new)
background.await_ready(places, new)
idle = background.await_idle(places, live, time.monotonic() + 30)
background.stop(places, live)
time.sleep(1)
stop.set()
load.join()
await_(lambda: redis("LLEN", "queue:low") == "0")
mine = lambda unit: [jid for jid in done(unit) if jid.startswith("over")]
await_(lambda: len(mine(old_unit)) + len(mine(new_unit)) >= len(made), 20)
said = {"made": made, "old": mine(old_unit), "new": mine(new_unit), "idle": idle}
"""


def test_no_job_is_lost_and_none_is_done_twice(lab: PodLab) -> None:
    said = on_host(lab, POD, JOBS + HAND_OVER)
    assert said["idle"] is True
    assert len(said["made"]) > 20
    assert sorted(said["old"] + said["new"]) == said["made"]
    assert said["old"]
    assert said["new"]


LONG = """
argv = ["runuser", "-u", "postgres", "--", "psql", "-Xq", "-d", read_record(places)["database"]]
lock = subprocess.Popen(argv, stdin=subprocess.PIPE, text=True, cwd="/")
lock.stdin.write("BEGIN; LOCK TABLE pods;\\n")
lock.stdin.flush()
time.sleep(0.5)
enqueue("long", "RecurringPodCheck")
await_(lambda: redis("LLEN", "queue:low") == "0")
background.quiet(places, live)
enqueue("later")
too_early = background.await_idle(places, live, time.monotonic() + 12)
lock.stdin.close()
lock.wait()
in_time = background.await_idle(places, live, time.monotonic() + 30)
said = {"too_early": too_early, "in_time": in_time, "left": redis("LLEN", "queue:low"),
        "done": done(old_unit)}
background.start_again(places, live)
await_(lambda: "later" in done(old_unit))
"""


def test_a_long_job_ends_before_its_sidekiq_is_idle_and_a_fresh_one_goes_on(lab: PodLab) -> None:
    said = on_host(lab, POD, JOBS + LONG)
    assert (said["too_early"], said["in_time"]) == (False, True)
    assert said["left"] == "1"
    assert "long" in said["done"]


BROKEN = """
from provision.operations.gates import GateIsRed
initializer = Path(places.release(new)) / "config" / "initializers" / "zz_broken.rb"
initializer.write_text("raise 'a broken initializer'")
background.start_waiting(places, new)
try:
    background.await_latch(places, new)
except GateIsRed as red:
    said = str(red)
background.stop(places, new)
initializer.unlink()
"""


def test_one_that_does_not_load_is_told_in_its_own_words(lab: PodLab) -> None:
    said = on_host(lab, POD, JOBS + BROKEN)
    assert "a broken initializer" in said
    assert "journalctl -u pod-alpha-sidekiq@" in said


ASIDE = """
from provision.operations import jobs_aside
background.stop(places, live)
now = time.time()
for n in range(5): redis("LPUSH", "queue:low", payload(f"early{n}", now))
redis("ZADD", "schedule", "1999999999.5", payload("early", now))
known = jobs_aside.find(places)
# The clock may have been set back since.
for n in range(3): redis("LPUSH", "queue:low", payload(f"late{n}", now - 3600))
redis("LPUSH", "queue:high", payload("late3", now))
redis("LPUSH", "queue:high", "no json")
redis("ZADD", "schedule", "1999999998.25", payload("late", now))
redis("ZADD", "retry", "1999999997", payload("retried", now))
def jobs():
    lists = {key: redis("LRANGE", key, "0", "-1") for key in ("queue:low", "queue:high")}
    sets = {key: redis("ZRANGE", key, "0", "-1", "WITHSCORES") for key in ("schedule", "retry")}
    return {key: sorted(found.splitlines()) for key, found in (lists | sets).items()}
before = jobs()
counts = background.put_aside(places, "20260101T000000000-rollback", known)
again = background.put_aside(places, "20260101T000000000-rollback", known)
left = jobs()
background.take_back(places, "20260101T000000000-rollback")
background.take_back(places, "20260101T000000000-rollback")
said = {"counts": counts, "again": again, "left": {key: len(left[key]) for key in left},
        "is_as_before": jobs() == before, "keys": redis("KEYS", "podfleet:*")}
redis("DEL", "queue:low", "queue:high", "schedule", "retry")
"""


def test_late_jobs_are_put_aside_and_taken_back(lab: PodLab) -> None:
    said = on_host(lab, POD, JOBS + ASIDE)
    assert said["counts"] == {"queue:low": 3, "queue:high": 1, "schedule": 1, "retry": 1}
    assert said["again"] == said["counts"]
    assert (said["left"]["queue:low"], said["left"]["queue:high"]) == (5, 1)
    assert said["is_as_before"]
    assert said["keys"] == ""


def test_after_a_power_cut_the_live_one_takes_jobs_and_the_other_stays_away(lab: PodLab) -> None:
    on_host(lab, POD, JOBS + "background.start_waiting(places, new)\n")
    lab.lab.kill(HOST)
    lab.lab.boot(HOST)
    until(lambda: lab.get(POD) == 200, 60, "the pod does not serve again")
    said = on_host(
        lab,
        POD,
        JOBS
        + """
enqueue("after")
await_(lambda: "after" in done(old_unit))
said = unit_properties(new_unit, "ActiveState")
""",
    )
    assert said == {"ActiveState": "inactive"}
