"""Upgrades and rollbacks under load: what their users notice, beside a restart in place."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision.columns import columns
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
from tests.bench.walks import Walk, last_walk
from tests.lab.standing import Standing
from tests.load.summary import Summary

FIRST, PLAIN, EXPAND, BREAKING = "1.0.0.0", "1.1.0.0", "1.2.0.0", "1.3.0.0"
GATE_SECONDS = 10
MINUTE = 60.0
COUNTS = ("RUN", "STRETCH", "COUNTS BY KIND", "FAILED", "SLOWEST", "LONGEST SILENCE")
RESTART = "restart in place"
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


@dataclass(frozen=True)
class Run:
    """One upgrade or rollback under load, as its journal, its ledger and its clients saw it."""

    name: str
    walk: Walk
    entry: Mapping[str, Any]
    command_seconds: float
    before: Summary
    during: Summary
    switch: Summary
    memory: Mapping[str, float] = field(default_factory=dict)

    @property
    def whole(self) -> float:
        """Without the gates' waiting."""
        return self.walk.seconds - GATE_SECONDS

    @property
    def slower(self) -> float:
        return self.during.slowest - self.before.slowest


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
                figures += _figures(run, _restart(loaded, run.name), lost_writes(loaded))
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
        return [*_figures(run, restart, lost_writes(loaded)), *_held(run, restart)]


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
            figures += _rolled_back(run, 10.0 if cool else 0.5)
        restart = _restart(loaded, "rollback")
        figures.append(_beside("a restart in place, for comparison", restart))
    return figures


def jobs(where: Path) -> list[Figure]:
    """500 background jobs enqueued while an upgrade goes on: each is done, and once."""
    figures = []
    with fleet_of(where, "jobs", {"alpha": "ample", "beta": "breaking"}, FIRST) as fleet:
        for pod, host, to in (("alpha", "ample", PLAIN), ("beta", "breaking", BREAKING)):
            with under_load(fleet, pod, host, where) as loaded:
                enqueue(loaded, 500, 30.0)
                upgrade(loaded, to)
                lost, twice = jobs_done(loaded, 500)
            name = f"500 jobs during an upgrade ({host})"
            figures.append(Figure(f"{name}: lost", lost, 0, unit="jobs"))
            figures.append(Figure(f"{name}: done twice", twice, 0, unit="jobs"))
    return figures


def memory(where: Path) -> list[Figure]:
    """podfleet's own memory on the host, in the upgrade that does most, and in a rollback."""
    figures = []
    with fleet_of(where, "memory", {"alpha": "ample"}, FIRST) as fleet:
        for name, words in (("upgrade", ["--to", BREAKING]), ("rollback", [])):
            with watched_memory(fleet, "ample", "alpha") as found:
                fleet.podfleet(name, "--pod", "alpha", *words)
            figures.append(_own_memory(f"breaking {name}", found))
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
    # Again: the bench goes to releases that it took back before.
    ran = loaded.fleet.podfleet("upgrade", "--pod", loaded.pod, "--again", "--json")
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
    _say(name, stretches)
    _say_steps(run)
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
    _say(name, {RESTART: stretch})
    return stretch, stretch.longest_gap


def lost_writes(loaded: Loaded) -> int:
    """Posts and photos that were answered well, and are not in the database that is live."""
    answered = {record.guid for record in loaded.records() if record.guid and not record.has_failed}
    database = live_database(loaded.fleet, loaded.host, loaded.pod)
    sql = "SELECT guid FROM posts UNION ALL SELECT guid FROM photos"
    there = psql(loaded.fleet, loaded.host, database, sql).split()
    return len(answered - set(there)) + (len(there) - len(set(there)))


# Figures.


def _figures(run: Run, restart: tuple[Summary, float], lost: int) -> list[Figure]:
    theirs, silence = restart
    is_prompt = run.entry["path"] != "breaking" and run.entry["order"] != "tiny"
    return [
        Figure(f"{run.name}: failed", run.during.failed, 0, RESTART, theirs.failed, unit="req"),
        Figure(f"{run.name}: lost or doubled writes", lost, 0, unit="rows"),
        Figure(
            f"{run.name}: slowest, above the slowest of the minute before",
            run.slower,
            0.5 if is_prompt else None,
            f"{RESTART}: no answer at all",
            silence,
        ),
        Figure(f"{run.name}: longest silence", run.during.longest_gap, None, RESTART, silence),
        Figure(
            f"{run.name}: whole, without the gates' waiting",
            run.whole,
            30.0 if is_prompt else None,
        ),
        Figure(f"{run.name}: the command", run.command_seconds),
        *_inside(run),
        _own_memory(run.name, run.memory),
    ]


def _inside(run: Run) -> list[Figure]:
    """How much of the load was under way while requests changed hands."""
    return [
        Figure(
            f"{run.name}: POSTs inside the switch", run.switch.posts, 20, unit="", is_least=True
        ),
        Figure(
            f"{run.name}: uploads inside the switch", run.switch.uploads, 5, unit="", is_least=True
        ),
    ]


def _held(run: Run, restart: tuple[Summary, float]) -> list[Figure]:
    """How long requests waited in a breaking upgrade, and how well that was known beforehand."""
    closed, predicted = float(run.entry["closed_seconds"]), float(run.entry["predicted_seconds"])
    copy = float(run.entry["copy_seconds"] or 0)
    factor = max(closed, predicted) / max(min(closed, predicted), 0.01)
    return [
        Figure(f"{run.name}: held, by the ledger", closed, 1.5 + copy, RESTART, restart[1]),
        Figure(f"{run.name}: held, as the load saw it", run.switch.longest_gap, 1.5 + copy),
        Figure(f"{run.name}: of it, the copy", copy),
        Figure(f"{run.name}: predicted", predicted),
        Figure(f"{run.name}: predicted to a factor of", factor, 2.0, unit="x"),
        Figure(
            f"{run.name}: database", float(run.entry["database_bytes"] or 0) / 1e6, None, unit="MB"
        ),
    ]


def _rolled_back(run: Run, goal: float) -> list[Figure]:
    until = run.walk.end_of("switch") - run.walk.begin
    return [
        Figure(f"{run.name}: failed", run.during.failed, 0, unit="req"),
        Figure(f"{run.name}: from its begin until the release before serves", until, goal),
        Figure(f"{run.name}: closed, by the ledger", float(run.entry["closed_seconds"] or 0), goal),
        Figure(f"{run.name}: longest silence", run.during.longest_gap),
        Figure(f"{run.name}: slowest, above the slowest before", run.slower),
        Figure(f"{run.name}: whole, without the gates' waiting", run.whole),
        *_inside(run),
        _own_memory(run.name, run.memory),
    ]


def _beside(what: str, restart: tuple[Summary, float]) -> Figure:
    return Figure(what, restart[1], None, "its failed requests", restart[0].failed)


def _own_memory(name: str, found: Mapping[str, float]) -> Figure:
    _print([f"{name}: memory at the peak: {dict(found)}"])
    return Figure(f"{name}: podfleet's own memory", found.get("mb", 0.0), 80.0, unit="MB")


# What is printed beside the table, as it comes.


def _say(name: str, stretches: Mapping[str, Summary]) -> None:
    rows = [
        (
            name,
            stretch,
            ", ".join(f"{kind} {count}" for kind, count in found.counts.items()),
            str(found.failed),
            f"{found.slowest:.2f} s {found.slowest_what}",
            f"{found.longest_gap:.2f} s",
        )
        for stretch, found in stretches.items()
    ]
    _print(columns(COUNTS, rows))
    for stretch, found in stretches.items():
        if found.failures:
            _print([f"{name}, {stretch}: {found.failures}"])


def _say_steps(run: Run) -> None:
    steps = ", ".join(f"{step} {seconds:.2f}" for step, seconds in run.walk.steps())
    machine = f"{run.name}: load of this machine, by the minute: {os.getloadavg()}"
    ledger = f"{run.name}: ledger: {dict(run.entry)}"
    _print([f"{run.name}: steps: {steps}", ledger, machine])


def _print(lines: list[str]) -> None:
    print("\n".join(lines), file=sys.stderr, flush=True)
