"""What the bench does on a pod's host by hand, beside podfleet: each a script of its own there."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator

from provision.contract import PodPlaces
from tests.bench.loaded import Loaded
from tests.lab.standing import Standing

# The upgrade of everybody else: all is stopped, the database is migrated, all is started.
_RESTART = """
set -eu
id=$(basename "$(readlink "/srv/pods/$1/current")")
units="pod-$1-web@$id.socket pod-$1-web@$id.service pod-$1-sidekiq@$id.service"
systemctl stop $units
/opt/podfleet/current/bin/podfleet-host exec "$1" -- bin/rake db:migrate
systemctl start $units
"""
# The memory of all processes of an operation's unit, each shared page counted once; and the most
# that a single one of them ever held, in case that was between two looks.
_WATCH = """
import json, pathlib, subprocess, sys, time
unit, out = sys.argv[1], pathlib.Path(sys.argv[2])
show = ["systemctl", "show", "--value", "--property=ControlGroup", unit]
peak, most, group = {"mb": 0.0, "of": {}}, 0.0, ""
def lines_of(pid, name, word):
    lines = pathlib.Path("/proc", pid, name).read_text().splitlines()
    return [int(line.split()[1]) / 1024 for line in lines if line.startswith(word)]
while True:
    group = group or subprocess.run(show, capture_output=True, text=True).stdout.strip()
    found = {}
    for procs in pathlib.Path("/sys/fs/cgroup" + group).rglob("cgroup.procs") if group else ():
        try:
            for pid in procs.read_text().split():
                (mb,) = lines_of(pid, "smaps_rollup", "Pss:")
                (high,) = lines_of(pid, "status", "VmHWM:")
                name = pathlib.Path("/proc", pid, "comm").read_text().strip()
                found[name], most = found.get(name, 0) + mb, max(most, high)
        except (OSError, ValueError):
            continue
    if found:
        if sum(found.values()) > peak["mb"]:
            peak = {"mb": sum(found.values()), "of": found}
        out.write_text(json.dumps({**peak, "most": most}))
    time.sleep(0.1 if found else 0.3)
"""
# So much memory is somebody else's; it is really there, a page at a time.
_BALLAST = """
import sys, time
held = bytearray(int(float(sys.argv[1]) * 1048576))
held[::4096] = b"x" * len(held[::4096])
time.sleep(86400)
"""
_PSS = """
import json, pathlib, subprocess, sys
def pss(pid):
    try:
        lines = pathlib.Path("/proc", pid, "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
def unit(name):
    show = ["systemctl", "show", "--value", "--property=ControlGroup", name]
    group = subprocess.run(show, capture_output=True, text=True).stdout.strip()
    return sum(map(pss, pathlib.Path(f"/sys/fs/cgroup{group}/cgroup.procs").read_text().split()))
every = [path.name for path in pathlib.Path("/proc").iterdir() if path.name.isdigit()]
units = dict(zip(("web", "sidekiq"), map(unit, sys.argv[1:])))
print(json.dumps({"resident": sum(map(pss, every)), **units}))
"""
# Jobs that leave a line in the pod's log each, and nothing else: what they ask for is not there.
# Twenty a second while an operation goes on, and as many as are wanted at least.
_ENQUEUE = """
import json, pathlib, socket, subprocess, sys, time
path, unit, least, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
redis = socket.socket(socket.AF_UNIX)
redis.connect(path)
def call(*words):
    parts = [word.encode() for word in words]
    said = b"".join(b"$%d\\r\\n%s\\r\\n" % (len(part), part) for part in parts)
    redis.sendall(b"*%d\\r\\n%s" % (len(parts), said))
    assert redis.recv(4096)[:1] == b":"
def is_going_on():
    show = ["systemctl", "show", "--value", "--property=ActiveState", unit]
    return subprocess.run(show, capture_output=True).stdout.strip() in (b"active", b"activating")
while not is_going_on():
    time.sleep(0.1)
number = 0
while number < least or is_going_on():
    for _ in range(20):
        now = time.time()
        job = {"class": "Workers::DeferredDispatch", "queue": "high", "retry": 10,
               "jid": f"bench{number:019d}", "args": [1, "StatusMessage", 900000000 + number, {}],
               "created_at": now, "enqueued_at": now}
        call("SADD", "queues", "high")
        call("LPUSH", "queue:high", json.dumps(job))
        number += 1
        time.sleep(0.05)
pathlib.Path(out).write_text(str(number))
"""
FIRST_JOB = 900_000_000
_SPARE_MB = 64


def restart_in_place(loaded: Loaded) -> tuple[float, float]:
    """Stop, migrate, start; until a little after the pod answers again."""
    begin = time.time()
    loaded.on("sh", "-c", _RESTART, "restart", loaded.pod)
    time.sleep(5)
    return begin, time.time()


@contextlib.contextmanager
def watched_memory(fleet: Standing, host: str, pod: str) -> Iterator[dict[str, float]]:
    """While the block runs, podfleet's own processes there are weighed; `mb` and what of it."""
    unit, out = f"bench-memory-{pod}", f"/run/bench-memory-{pod}.json"
    fleet.on(host, "rm", "-f", out)
    _python(fleet, host, unit, _WATCH, PodPlaces(pod).operation_unit, out)
    found: dict[str, float] = {}
    try:
        yield found
    finally:
        fleet.on(host, "systemctl", "stop", unit)
        said = fleet.on(host, "cat", out, check=False)
        if said:
            peak = json.loads(said)
            found.update(
                {"mb": max(peak["mb"], peak["most"]), "one alone": peak["most"], **peak["of"]}
            )


def leave_only(fleet: Standing, host: str, pod: str, order: str, *, has_migrations: bool) -> None:
    """Fills the host's memory so that an upgrade there has to take this order.

    What is declared is a tenth less than what the lab gives: the kernel's own share would count
    against the guest, and the lab would kill what a real host's swap takes.
    """
    memory_mb = 928
    text = fleet.file.read_text()
    section = rf'(\[hosts\.{host}\][^\[]*?memory = )"[^"]*"'
    fleet.file.write_text(re.sub(section, rf'\g<1>"{memory_mb} MiB"', text))
    release = fleet.on(host, "readlink", str(PodPlaces(pod).current)).strip().rpartition("/")[2]
    places = PodPlaces(pod)
    units = (places.web_unit(release), places.sidekiq_unit(release))
    seen = json.loads(fleet.on(host, "python3", "-c", _PSS, *units))
    web, sidekiq = seen["web"], seen["sidekiq"]
    # What shall be left beside what runs, of two webs and two sidekiqs that would be needed.
    left = {"small": (web + sidekiq) / 2, "tiny": (web - sidekiq) - 15}[order]
    left += _SPARE_MB + (web if has_migrations else 0)
    ballast = memory_mb - seen["resident"] - left
    _python(fleet, host, "bench-ballast", _BALLAST, f"{ballast:.0f}")
    time.sleep(3)


def enqueue(loaded: Loaded, least: int) -> None:
    """Waits for the pod's next operation and enqueues jobs until its end; returns at once."""
    places, out = PodPlaces(loaded.pod), _enqueued(loaded)
    words = (str(places.redis_socket), places.operation_unit, str(least), out)
    loaded.on("rm", "-f", out)
    _python(loaded.fleet, loaded.host, f"bench-jobs-{loaded.pod}", _ENQUEUE, *words)


def jobs_done(loaded: Loaded, patience_seconds: float = 60) -> tuple[int, int, int]:
    """How many jobs were enqueued, were never done, and were done more than once."""
    log = str(PodPlaces(loaded.pod).log / "production.log")
    count_them = 'grep -ho "failed to dispatch StatusMessage:9[0-9]*" "$1" | sort | uniq -c'
    deadline = time.monotonic() + patience_seconds
    while True:
        count = int(loaded.on("sh", "-c", 'cat "$1" || echo 0', "count", _enqueued(loaded)))
        lines = loaded.on("sh", "-c", count_them, "count", log).splitlines()
        times = {int(line.rpartition(":")[2]): int(line.split()[0]) for line in lines}
        lost = sum(FIRST_JOB + number not in times for number in range(count))
        if (count and not lost) or time.monotonic() > deadline:
            return count, lost, sum(many > 1 for many in times.values())
        time.sleep(2)


def _enqueued(loaded: Loaded) -> str:
    return f"/run/bench-jobs-{loaded.pod}"


def fill_database(fleet: Standing, host: str, pod: str, database: str, megabytes: int) -> None:
    """A table of that size, which no request reads; and a checkpoint, as time would bring."""
    # 1600 characters a row: too short to be compressed or stored elsewhere; four on a page.
    rows = megabytes * 1024 * 1024 // 2048
    sql = (
        "CREATE TABLE bench_filling AS SELECT n AS id, repeat(md5(n::text), 50) AS text "
        f"FROM generate_series(1, {rows}) AS n; "
        f'ALTER TABLE bench_filling OWNER TO "{PodPlaces(pod).user}";'
    )
    psql(fleet, host, database, sql)
    psql(fleet, host, database, "CHECKPOINT")


def psql(fleet: Standing, host: str, database: str, sql: str) -> str:
    argv = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", database, "-c", sql]
    return fleet.on(host, "env", "-C", "/", *argv)


def live_database(fleet: Standing, host: str, pod: str) -> str:
    return str(json.loads(fleet.on(host, "cat", str(PodPlaces(pod).record)))["database"])


def _python(fleet: Standing, host: str, unit: str, script: str, *arguments: str) -> None:
    """Runs a script there in a unit of its own, without waiting for its end."""
    wrapper = ["systemd-run", "--quiet", "--collect", f"--unit={unit}"]
    wrapper.append("--expand-environment=no")
    fleet.on(host, *wrapper, "python3", "-c", script, *arguments)
