"""What root and systemd tell of a pod: said as it is, and absent where it is not known."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from monitoring.board import Sample
from monitoring.pod import disk, facts, units
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Unread

FACTS: dict[str, Any] = {
    "format": 1, "pod": "alpha", "domain": "alpha.example.org", "release": "0.9.1.0",
    "release_id": "0.9.1.0-0123abcd", "database": "pod_alpha_2", "closed": False,
    "operation": None,
    "operations": {"launch": {"at": "2026-11-22T10:00:00.123+00:00", "ok": True},
                   "upgrade": {"at": "2026-11-22T11:00:00+00:00", "ok": False}},
    "export": {"at": "1970-01-01T00:16:40+00:00", "bytes": 2048},
    "safety_copies": 1,
    "upgrade": {"at": "1970-01-01T01:00:00+01:00", "predicted_seconds": 0.5,
                "closed_seconds": None},
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> PodPlace:
    place = PodPlace("alpha", "alpha.example.org", root=tmp_path)
    place.home.mkdir(parents=True)
    tell(place)
    return place


def tell(place: PodPlace, **more: Any) -> None:
    place.facts.parent.mkdir(parents=True, exist_ok=True)
    place.facts.write_text(json.dumps({**FACTS, **more}))


def shown(samples: Any) -> dict[tuple[str, ...], float]:
    found: list[Sample] = list(samples)
    return {(metric.name, *labels[1:]): value for metric, labels, value in found}


def test_all_facts_are_shown(place: PodPlace) -> None:
    assert shown(facts.collect(place).samples) == {
        ("pod_info", "alpha.example.org", "0.9.1.0"): 1,
        ("pod_version_number",): 9001000,
        ("pod_closed",): 0,
        ("operation_timestamp_seconds", "launch"): 1795341600.123,
        ("operation_ok", "launch"): 1,
        ("operation_timestamp_seconds", "upgrade"): 1795345200,
        ("operation_ok", "upgrade"): 0,
        ("export_timestamp_seconds",): 1000,
        ("export_bytes",): 2048,
        ("safety_copies",): 1,
        ("upgrade_timestamp_seconds",): 0,
        ("upgrade_predicted_seconds",): 0.5,
    }


def test_an_operation_under_way(place: PodPlace) -> None:
    tell(place, operation={"id": "1", "verb": "upgrade", "begun_at": "1970-01-01T00:00:09+00:00"})
    assert shown(facts.collect(place).samples)["operation_begun_timestamp_seconds", "upgrade"] == 9


@pytest.mark.parametrize("is_written", [False, True])
def test_the_page_itself_tells_that_a_pod_is_closed(place: PodPlace, is_written: bool) -> None:
    tell(place, closed=not is_written)
    if is_written:
        (place.home / "maintenance").touch()
    assert shown(facts.collect(place).samples)["pod_closed",] == is_written


def test_what_nobody_tells_is_absent_and_not_0(place: PodPlace) -> None:
    nothing = dict.fromkeys(("operations", "export", "safety_copies", "upgrade"))
    tell(place, **nothing, release="of-tomorrow")
    assert {key[0] for key in shown(facts.collect(place).samples)} == {"pod_info", "pod_closed"}


@pytest.mark.parametrize(
    "more",
    [
        {"operations": [1], "export": "x", "upgrade": 3, "safety_copies": "many"},
        {"operations": {"launch": 1, "export": {"at": None}, "upgrade": {"at": 12}}},
        {"export": {"at": "yesterday", "bytes": True}, "upgrade": {"at": "2026-11-22T10:00:00"}},
        {"release": None, "domain": None, "operation": [], "closed": None},
    ],
)
def test_facts_of_another_kind_break_nothing(place: PodPlace, more: Mapping[str, Any]) -> None:
    tell(place, **more)
    assert ("pod_closed",) in shown(facts.collect(place).samples)


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00", b"[]", b"{}", b'{"format": 2}'])
def test_no_facts_are_told_as_such(place: PodPlace, content: bytes | None) -> None:
    place.facts.unlink()
    if content is not None:
        place.facts.write_bytes(content)
    with pytest.raises(Unread):
        facts.collect(place)


@pytest.mark.parametrize("is_closed", [False, True])
def test_that_a_pod_is_closed_shows_without_facts_too(place: PodPlace, is_closed: bool) -> None:
    """While it is launched, which may take long where it comes from an export."""
    place.facts.unlink()
    if is_closed:
        (place.home / "maintenance").touch()
    with pytest.raises(Unread) as unread:
        facts.collect(place)
    assert shown(unread.value.samples) == ({("pod_closed",): 1} if is_closed else {})


# As systemd of Debian 13 says it, one block a unit.
SHOWN = """\
Id=pod-alpha-web@0.9.1.0-0123abcd.service
ActiveState=active
NRestarts=2
MemoryCurrent=213123072
ControlGroup=/system.slice/system-pod.slice/pod-alpha-web@0.9.1.0-0123abcd.service

Id=pod-alpha-sidekiq@0.9.1.0-0123abcd.service
ActiveState=failed
NRestarts=9
MemoryCurrent=[not set]
ControlGroup=

Id=redis-server@pod-alpha.service
ActiveState=active
NRestarts=0
MemoryCurrent=18446744073709551615
ControlGroup=/system.slice/redis
"""


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for systemctl: prints what `said` holds, and leaves its arguments in `asked`."""
    program = tmp_path / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\ncat {tmp_path}/said\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "said").write_text(SHOWN)
    monkeypatch.setattr(units, "SYSTEMCTL", str(program))
    return tmp_path


def test_units_as_systemd_tells_of_them(place: PodPlace, systemctl: Path) -> None:
    group = systemctl / "sys/fs/cgroup/system.slice/redis"
    group.mkdir(parents=True)
    (group / "memory.current").write_text("4096\n")
    assert shown(units.collect(place).samples) == {
        ("unit_active", "web"): 1, ("unit_restarts_total", "web"): 2,
        ("unit_memory_bytes", "web"): 213123072,
        ("unit_active", "sidekiq"): 0, ("unit_restarts_total", "sidekiq"): 9,
        ("unit_active", "redis"): 1, ("unit_restarts_total", "redis"): 0,
        ("unit_memory_bytes", "redis"): 4096,
    }  # fmt: skip
    asked = (systemctl / "asked").read_text()
    assert asked.split("-- ")[1].split() == [
        "pod-alpha-web@0.9.1.0-0123abcd.service", "pod-alpha-sidekiq@0.9.1.0-0123abcd.service",
        "redis-server@pod-alpha.service",
    ]  # fmt: skip


def test_the_release_that_serves_is_the_one_that_the_link_names(place: PodPlace) -> None:
    """Within an upgrade the facts still name the one before."""
    assert units.live_release(place) == "0.9.1.0-0123abcd"
    (place.home / "current").symlink_to("/srv/pods/alpha/releases/0.9.2.0-ffffffff")
    assert units.live_release(place) == "0.9.2.0-ffffffff"


def test_memory_of_processes_where_nobody_counts_it(place: PodPlace) -> None:
    group = place.root / "sys/fs/cgroup/a"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text("7\n8\n9\n")
    for process, statm in (("7", "100 10 5 1 0 9 0"), ("8", "100 20 5 1 0 9 0"), ("9", "gone")):
        (place.root / "proc" / process).mkdir(parents=True)
        (place.root / "proc" / process / "statm").write_text(statm)
    told = {"MemoryCurrent": "[not set]", "ControlGroup": "/a"}
    assert units.memory_bytes(place.root, told) == 30 * os.sysconf("SC_PAGE_SIZE")
    (group / "cgroup.procs").write_text("9\n")
    assert units.memory_bytes(place.root, told) is None
    assert units.memory_bytes(place.root, {}) is None


@pytest.mark.parametrize("said", ["", "Id=one\n", SHOWN + "\nId=four\n"])
def test_an_answer_of_another_length_is_none(place: PodPlace, systemctl: Path, said: str) -> None:
    (systemctl / "said").write_text(said)
    with pytest.raises(Unread):
        units.collect(place)


def test_a_systemd_that_fails_hangs_or_is_not_there(
    place: PodPlace, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "TIMEOUT_SECONDS", 0.2)
    for script in ("exit 1", "exec sleep 60"):
        (systemctl / "systemctl").write_text(f"#!/bin/sh\n{script}\n")
        with pytest.raises(Unread):
            units.collect(place)
    (systemctl / "systemctl").unlink()
    with pytest.raises(Unread):
        units.collect(place)


def test_the_disk_where_the_pods_files_are(place: PodPlace) -> None:
    seen = shown(disk.collect(place).samples)
    assert 0 < seen["disk_free_bytes",] < seen["disk_size_bytes",]
    place.home.rmdir()
    with pytest.raises(Unread):
        disk.collect(place)
