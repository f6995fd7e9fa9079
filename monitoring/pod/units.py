"""How a pod's processes are: web and sidekiq of the live release, and its Redis; systemd says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from monitoring.board import Sample
from monitoring.metrics import UNIT_ACTIVE, UNIT_MEMORY, UNIT_RESTARTS
from monitoring.pod.facts import read_facts
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Reading, Unread

TIMEOUT_SECONDS = 10.0
SYSTEMCTL = "/usr/bin/systemctl"
PROPERTIES = ("Id", "ActiveState", "NRestarts", "MemoryCurrent", "ControlGroup")
# `reloading` and `deactivating` still serve; `activating` does not yet.
_UP = ("active", "reloading", "deactivating")
# What systemd says where nothing is counted, in words or as the largest number.
_NOT_COUNTED = ("", "[not set]", "infinity", str(2**64 - 1))
_MOST_PROCESSES = 64


def collect(place: PodPlace) -> Reading:
    units = unit_names(place)
    told = dict(zip(units, _shown(list(units.values())), strict=True))
    return Reading([sample for kind in units for sample in _samples(place, kind, told[kind])])


def unit_names(place: PodPlace) -> dict[str, str]:
    """Label `unit` -> its name in systemd, as provision derives it."""
    release = live_release(place)
    return {
        "web": f"pod-{place.name}-web@{release}.service",
        "sidekiq": f"pod-{place.name}-sidekiq@{release}.service",
        "redis": f"redis-server@{place.redis_instance}.service",
    }


def live_release(place: PodPlace) -> str:
    """The link that serves says it at once; the facts only once an operation has ended."""
    try:
        return Path(os.readlink(place.home / "current")).name  # noqa: PTH115  # as it is written
    except OSError:
        release = read_facts(place).get("release_id")
    if not isinstance(release, str) or not release:
        raise Unread("the facts do not name the release")
    return release


def _shown(units: list[str]) -> list[dict[str, str]]:
    """Each unit's properties, also of one that systemd does not know."""
    argv = [SYSTEMCTL, "show", f"--property={','.join(PROPERTIES)}", "--", *units]
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
            env={"LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired:
        raise Unread("systemd does not answer") from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unread(f"systemd cannot be asked: {type(error).__name__}") from None
    blocks = done.stdout.decode(errors="replace").strip("\n").split("\n\n")
    if len(blocks) != len(units):
        raise Unread("systemd told of other units")
    return [_properties(block) for block in blocks]


def _properties(block: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in block.splitlines())
    return {name: value for name, _, value in pairs}


def _samples(place: PodPlace, kind: str, told: Mapping[str, str]) -> Iterator[Sample]:
    labels = (place.name, kind)
    is_up = told.get("ActiveState") in _UP
    yield UNIT_ACTIVE, labels, is_up
    restarts = told.get("NRestarts", "")
    if restarts.isdecimal():
        yield UNIT_RESTARTS, labels, int(restarts)
    if is_up and (memory := memory_bytes(place.root, told)) is not None:
        yield UNIT_MEMORY, labels, memory


def memory_bytes(root: Path, told: Mapping[str, str]) -> int | None:
    """As systemd counts it; else the kernel's own count; else what its processes have resident."""
    said = told.get("MemoryCurrent", "")
    if said not in _NOT_COUNTED and said.isdecimal():
        return int(said)
    group = told.get("ControlGroup", "").lstrip("/")
    if not group:
        return None
    directory = root / "sys/fs/cgroup" / group
    return _whole(directory / "memory.current") or _resident_bytes(root, directory)


def _whole(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _resident_bytes(root: Path, group: Path) -> int | None:
    """Of the processes that we may look at; None where that is none."""
    try:
        processes = (group / "cgroup.procs").read_text().split()
    except OSError:
        return None
    pages = [_resident_pages(root, process) for process in processes[:_MOST_PROCESSES]]
    known = [count for count in pages if count is not None]
    return sum(known) * os.sysconf("SC_PAGE_SIZE") if known else None


def _resident_pages(root: Path, process: str) -> int | None:
    try:
        return int((root / "proc" / process / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
