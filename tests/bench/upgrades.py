"""Upgrades and rollbacks under load: what their users notice, beside a restart in place."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.loaded import Loaded, under_load
from tests.bench.on_host import (
    enqueue,
    fill_database,
    jobs_done,
    leave_only,
    live_database,
    psql,
    restart_in_place,
    watched_memory,
)
from tests.bench.table import Figure
from tests.bench.upgrade_figures import (
    GATE_SECONDS,
    RESTART,
    Run,
    beside,
    held,
    own_memory,
    rolled_back,
    say,
    say_steps,
    upgraded,
)
from tests.bench.walks import last_walk
from tests.lab.standing import Standing
from tests.load.summary import Summary

FIRST, PLAIN, EXPAND, BREAKING = "1.0.0.0", "1.1.0.0", "1.2.0.0", "1.3.0.0"
MINUTE = 60.0
# Every host is held to this; a pod has one of its own.
MEMORY = "1 GiB"
_HEAD = """
[upgrade]
gate = "{gate}s"
keep_warm = "{keep_warm}s"
"""
_POD = """
[hosts.{host}]
provider = "lab"
memory = "{memory}"

[pods.{pod}]
domain = "{pod}.lab.test"
host = "{host}"
release = "{release}"
source = "rehearsal"
admin = {{ username = "podmin", email = "podmin@{pod}.lab.test" }}

[pods.{pod}.diaspora]
settings = {{ pod_name = "{pod}", autofollow_on_join = false }}
"""


# Benches.


def upgrade_plain(where: Path) -> list[Figure]:
    """No migration: both releases side by side, two webs alone, one web at a time."""
    return _without_breaking(where, "plain", FIRST, PLAIN)


def upgrade_expand(where: Path) -> list[Figure]:
    """A migration that the old code lives with, on a table that the load writes to."""
    return _without_breaking(where, "expand", PLAIN, EXPAND)


def _without_breaking(where: Path, path: str, old: str, new: str) -> list[Figure]:
    figures = []
    orders = {"alpha": "ample", "beta": "small", "gamma": "tiny"}
    with fleet_of(where, path, orders, old) as fleet:
        for pod, order in orders.items():
            if order != "ample":
                leave_only(fleet, order, pod, order, has_migrations=path != "plain")
            with under_load(fleet, pod, order, where) as loaded:
                run = upgrade_under_load(loaded, new)
                figures += upgraded(run, _restart(loaded, run.name), lost_writes(loaded))
    return figures


def upgrade_breaking(where: Path) -> list[Figure]:
    """A migration that the old code does not survive."""
    with fleet_of(where, "breaking", {"alpha": "ample"}, EXPAND) as fleet:
        return _breaking(fleet, where)


def upgrade_gigabyte(where: Path) -> list[Figure]:
    """The same with a database of 1 GB."""
    with fleet_of(where, "gigabyte", {"alpha": "ample"}, EXPAND) as fleet:
        fill_database(fleet, "ample", "alpha", live_database(fleet, "ample", "alpha"), 1000)
        return _breaking(fleet, where)


def _breaking(fleet: Standing, where: Path) -> list[Figure]:
    with under_load(fleet, "alpha", "ample", where) as loaded:
        run = upgrade_under_load(loaded, BREAKING)
        restart = _restart(loaded, run.name)
        return [*upgraded(run, restart, lost_writes(loaded)), *held(run, restart)]


def rollback(where: Path) -> list[Figure]:
    """Back while the old web is kept, with and without a database, and once it has ended."""
    figures = []
    with (
        fleet_of(where, "rollback", {"alpha": "ample"}, FIRST) as fleet,
        under_load(fleet, "alpha", "ample", where) as loaded,
    ):
        for name, to, cool in (
            ("warm", PLAIN, False),
            ("cold", PLAIN, True),
            ("warm, with the database", BREAKING, False),
        ):
            upgrade(loaded, to)
            if cool:
                _cool(loaded)
            run = rollback_under_load(loaded, name)
            figures += rolled_back(run, 10.0 if cool else 0.5)
        restart = _restart(loaded, "rollback")
        figures.append(beside("a restart in place, for comparison", restart))
    return figures


def jobs(where: Path) -> list[Figure]:
    """500 background jobs enqueued while an upgrade goes on: each is done, and once."""
    figures = []
    with fleet_of(where, "jobs", {"alpha": "ample", "beta": "breaking"}, FIRST) as fleet:
        for pod, host, to in (("alpha", "ample", PLAIN), ("beta", "breaking", BREAKING)):
            with under_load(fleet, pod, host, where) as loaded:
                enqueue(loaded, 500)
                upgrade(loaded, to)
                count, lost, twice = jobs_done(loaded)
            name = f"jobs during an upgrade ({host})"
            figures += [
                Figure(f"{name}: enqueued", count, 500, unit="jobs", is_least=True),
                Figure(f"{name}: lost", lost, 0, unit="jobs"),
                Figure(f"{name}: done twice", twice, 0, unit="jobs"),
            ]
    return figures


def memory(where: Path) -> list[Figure]:
    """podfleet's own memory on the host, in the upgrade that does most, and in a rollback."""
    figures = []
    with fleet_of(where, "memory", {"alpha": "ample"}, FIRST) as fleet:
        for name, words in (("upgrade", ["--to", BREAKING]), ("rollback", [])):
            with watched_memory(fleet, "ample", "alpha") as found:
                fleet.podfleet(name, "--pod", "alpha", *words)
            figures.append(own_memory(f"breaking {name}", found))
    return figures


# The fleet, and what happens to it.


@contextlib.contextmanager
def fleet_of(where: Path, name: str, hosts: Mapping[str, str], release: str) -> Iterator[Standing]:
    """Pods that are up, each on a host of its own; `hosts` says which. Purged afterwards."""
    fleet = Standing.copied("lab", where, name)
    keep_warm = 3600
    pods = (
        _POD.format(pod=pod, host=host, memory=MEMORY, release=release)
        for pod, host in hosts.items()
    )
    head = _HEAD.format(gate=GATE_SECONDS, keep_warm=keep_warm)
    fleet.file.write_text(head + "".join(pods))
    try:
        fleet.podfleet("up")
        yield fleet
    finally:
        fleet.podfleet("lab down", "--purge", "--yes")


def upgrade(loaded: Loaded, to: str) -> tuple[float, dict[str, Any]]:
    """One pod to that version, built before: the command's seconds, and what it said."""
    text = loaded.fleet.file.read_text()
    section = rf'(\[pods\.{loaded.pod}\][^\[]*?release = )"[^"]*"'
    loaded.fleet.file.write_text(re.sub(section, rf'\g<1>"{to}"', text))
    loaded.fleet.podfleet("build", "--pod", loaded.pod)
    ran = loaded.fleet.podfleet("upgrade", "--pod", loaded.pod, "--json")
    (told,) = ran.json["pods"]
    return ran.seconds, told


def upgrade_under_load(loaded: Loaded, to: str) -> Run:
    minute = loaded.calm(MINUTE)
    with watched_memory(loaded.fleet, loaded.host, loaded.pod) as found:
        seconds, told = upgrade(loaded, to)
    return _run(loaded, f"{told['path']}, {told['order']}", told, seconds, minute, found)


def rollback_under_load(loaded: Loaded, name: str) -> Run:
    minute = loaded.calm(MINUTE / 3)
    with watched_memory(loaded.fleet, loaded.host, loaded.pod) as found:
        ran = loaded.fleet.podfleet("rollback", "--pod", loaded.pod, "--json")
    (told,) = ran.json if isinstance(ran.json, list) else ran.json["pods"]
    return _run(loaded, f"rollback, {name}", told, ran.seconds, minute, found)


def _run(
    loaded: Loaded,
    name: str,
    told: Mapping[str, Any],
    seconds: float,
    minute: tuple[float, float],
    found: Mapping[str, float],
) -> Run:
    walk = last_walk(loaded.fleet, loaded.host, loaded.pod)
    run = Run(
        name,
        walk,
        told,
        seconds,
        loaded.between(*minute),
        loaded.between(walk.begin, walk.end),
        loaded.between(*walk.switch),
        found,
    )
    stretches = {"the time before": run.before, "operation": run.during, "switch": run.switch}
    say(name, stretches)
    say_steps(run)
    return run


def _cool(loaded: Loaded) -> None:
    """The parked web ends, as it does when its time is over."""
    units = f"pod-{loaded.pod}-web@*.service"
    listed = loaded.on("systemctl", "list-units", "--plain", "--no-legend", units).splitlines()
    live = loaded.on("readlink", f"/srv/pods/{loaded.pod}/current").strip().rpartition("/")[2]
    for release in {line.split()[0].partition("@")[2].removesuffix(".service") for line in listed}:
        if release != live:
            entry = "/opt/podfleet/current/bin/podfleet-host"
            loaded.on(entry, "cool", loaded.pod, release)


def _restart(loaded: Loaded, name: str) -> tuple[Summary, float]:
    """What stop, migrate, start costs; and its seconds until the pod answered again."""
    stretch = loaded.between(*restart_in_place(loaded))
    say(name, {RESTART: stretch})
    return stretch, stretch.longest_gap


def lost_writes(loaded: Loaded) -> int:
    """Posts and photos that were answered well, and are not in the database that is live."""
    answered = {record.guid for record in loaded.records() if record.guid and not record.has_failed}
    database = live_database(loaded.fleet, loaded.host, loaded.pod)
    sql = "SELECT guid FROM posts UNION ALL SELECT guid FROM photos"
    there = psql(loaded.fleet, loaded.host, database, sql).split()
    return len(answered - set(there)) + (len(there) - len(set(there)))
