"""What a host says of itself, its platform and its pods, as one JSON object on stdout.

Stands alone: it is piped to `python3 -I -` on the host, so it imports nothing but the standard
library of Debian 12's Python, also where podfleet never was. It only reads.
"""

from __future__ import annotations

import grp
import hashlib
import json
import os
import platform
import pwd
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

STATE = Path("/var/lib/podfleet")
PODS = Path("/srv/pods")

Entry = dict[str, Any]
# Of each unit: active state, and whether it is enabled.
States = dict[str, tuple[str, bool]]
UNKNOWN = ("unknown", False)
UP = ("active", "reloading")


def read_json(path: Path) -> Any:
    """The file's JSON, or None where there is no such file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def lines_of(path: Path) -> list[Entry]:
    """The whole JSON lines of a journal (a torn last one is no line)."""
    found: list[Entry] = []
    for raw in path.read_bytes().splitlines() if path.exists() else ():
        try:
            found.append(json.loads(raw))
        except ValueError:
            break
    return found


def drift(where: str, kind: str, what: str) -> Entry:
    return {"where": where, "kind": kind, "what": what}


def file_drift(entry: Entry, release: Path) -> list[Entry]:
    """What is wrong with one managed file: its content, its mode, its owner."""
    path = str(entry["path"])
    real = release / path[len("@release/") :] if path.startswith("@release/") else Path(path)
    try:
        seen = real.stat()
        content = hashlib.sha256(real.read_bytes()).hexdigest()
    except OSError:
        return [drift(path, "missing", "is missing")]
    mode, owner = format(stat.S_IMODE(seen.st_mode), "04o"), owner_of(seen)
    shall = f"{entry['owner']}:{entry['group']}"
    found = []
    if content != entry["sha256"]:
        found.append(drift(path, "content", "was edited by hand"))
    if mode != entry["mode"]:
        found.append(drift(path, "mode", f"has mode {mode} instead of {entry['mode']}"))
    if owner != shall:
        found.append(drift(path, "owner", f"belongs to {owner} instead of {shall}"))
    return found


def owner_of(seen: os.stat_result) -> str:
    try:
        user = pwd.getpwuid(seen.st_uid).pw_name
    except KeyError:
        user = str(seen.st_uid)
    try:
        return f"{user}:{grp.getgrgid(seen.st_gid).gr_name}"
    except KeyError:
        return f"{user}:{seen.st_gid}"


def unit_states(units: list[str]) -> States:
    """All units' states, from one call of systemctl."""
    if not units:
        return {}
    argv = ["systemctl", "show", "--property=ActiveState,UnitFileState", "--", *units]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    blocks = [block for block in done.stdout.split("\n\n") if block.strip()]
    return {unit: unit_state(block) for unit, block in zip(units, blocks, strict=False)}


def unit_state(block: str) -> tuple[str, bool]:
    fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    enabled = fields.get("UnitFileState") in ("enabled", "enabled-runtime", "static")
    return fields.get("ActiveState", "unknown"), enabled


def unit_drift(units: list[Entry], states: States) -> list[Entry]:
    found = []
    for entry in units:
        unit = entry["unit"]
        active, is_enabled = states.get(unit, UNKNOWN)
        if entry.get("active") and active not in (*UP, "activating"):
            found.append(drift(unit, "stopped", f"is {active}"))
        if entry.get("enabled") and not is_enabled:
            found.append(drift(unit, "disabled", "is not enabled: it would not start at boot"))
    return found


def last_operation(pod: str) -> Entry | None:
    """The newest operation of a pod, finished or not; None where none was ever run."""
    for directory in reversed(names_in(STATE / pod / "operations")):
        request = read_json(directory / "request.json")
        if request is not None:
            return describe_operation(directory, request)
    return None


def names_in(directory: Path) -> list[Path]:
    """What lies in a directory, by name, without what is hidden; nothing where it is not there."""
    try:
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def describe_operation(directory: Path, request: Entry) -> Entry:
    lines = lines_of(directory / "journal.jsonl")
    verdict = next((line for line in lines if line["event"] == "verdict"), None)
    steps = [line["step"] for line in lines if line["step"]]
    return {
        "id": directory.name,
        "operation": request["operation"],
        "operator": request.get("operator", ""),
        "since": request.get("at"),
        "step": steps[-1] if steps else None,
        "finished": verdict is not None,
        "exit": verdict["exit"] if verdict else None,
    }


def releases_of(pod: str) -> list[Entry]:
    found = names_in(PODS / pod / "releases")
    return [{"id": path.name, "bytes": counted_bytes(path)} for path in found]


def counted_bytes(release: Path) -> int:
    """What it was counted to take when it was unpacked (counting again takes too long)."""
    try:
        return int((release / ".podfleet-bytes").read_text())
    except (OSError, ValueError):
        return 0


def files_in(directory: Path) -> list[Entry]:
    """Plain files by name, size and date: a pod's exports."""
    found = [(path.name, path.stat()) for path in names_in(directory) if path.is_file()]
    return [{"name": name, "bytes": s.st_size, "at": int(s.st_mtime)} for name, s in found]


def web_unit(pod: str, release_id: str) -> str:
    return f"pod-{pod}-web@{release_id}.service"


def way_back(pod: str, record: Entry | None, states: States) -> Entry | None:
    """The release before the live one, while a rollback to it is possible: its database, whether
    its web still waits, and since when it is left."""
    previous = (record or {}).get("previous")
    if not (record and previous):
        return None
    release = previous["release_id"]
    kept = STATE / pod / "releases" / release / "record.json"
    if not (kept.exists() and (PODS / pod / "releases" / release).is_dir()):
        return None
    active = states.get(web_unit(pod, release), UNKNOWN)[0]
    return {**previous, "is_warm": active in UP, "since": record["applied_at"]}


def units_of(pod: str, record: Entry | None) -> list[str]:
    """Every unit whose state is told of a pod."""
    if record is None:
        return []
    previous = record.get("previous")
    waiting = [web_unit(pod, previous["release_id"])] if previous else []
    return [*(entry["unit"] for entry in record["units"]), *waiting]


def pod_state(record: Entry | None, states: States, operation: Entry | None, pod: str) -> str:
    """One word for how the pod is, as `status` shows it."""
    if record is None:
        return "absent"
    if (PODS / pod / "maintenance").exists():
        return "maintenance"
    units = {e["unit"]: states.get(e["unit"], UNKNOWN)[0] in UP for e in record["units"]}
    web = [up for unit, up in units.items() if "-web@" in unit and unit.endswith(".service")]
    if not web or not all(web):
        return "down"
    not_safe = bool(operation and operation["finished"] and operation["exit"] == 4)
    return "serving" if all(units.values()) and not not_safe else "degraded"


def describe_pod(pod: str, record: Entry | None, states: States) -> Entry:
    operation = last_operation(pod)
    units = record["units"] if record else []
    return {
        "record": record,
        "drift": pod_drift(pod, record, states) if record else [],
        "operation": operation,
        "units": {e["unit"]: states.get(e["unit"], UNKNOWN)[0] for e in units},
        "state": pod_state(record, states, operation, pod),
        "releases": releases_of(pod),
        "exports": files_in(PODS / pod / "exports"),
        "refused": read_json(STATE / pod / "refused.json") or [],
        "way_back": way_back(pod, record, states),
        "stay_down": (STATE / pod / "stay-down").exists(),
    }


def pod_drift(pod: str, record: Entry, states: States) -> list[Entry]:
    release = PODS / pod / "releases" / record["release_id"]
    managed = [*record["manifest"]["files"], *record.get("keys", [])]
    found = [one for entry in managed for one in file_drift(entry, release)]
    # A pod that was closed on purpose is not to be started.
    return found if record.get("is_closed") else found + unit_drift(record["units"], states)


def describe_platform(record: Entry | None, states: States) -> Entry | None:
    if record is None:
        return None
    found = [one for entry in record["files"] for one in file_drift(entry, PODS)]
    found += unit_drift(record.get("units", []), states)
    kept = {key: record.get(key) for key in ("level", "digest", "runtime")}
    return {**kept, "files": {e["path"]: e["sha256"] for e in record["files"]}, "drift": found}


def pod_names() -> list[str]:
    """Every pod that was ever operated on here."""
    return [path.name for path in names_in(STATE) if (path / "operations").is_dir()]


def debian() -> str:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except FileNotFoundError:
        return ""
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    is_debian = fields.get("ID", "").strip('"') == "debian"
    return fields.get("VERSION_ID", "").strip('"') if is_debian else ""


def memory_bytes() -> int:
    first = Path("/proc/meminfo").read_text().split("\n", 1)[0]
    return int(first.split()[1]) * 1024


def main() -> None:
    stamp = read_json(STATE / "platform.json")
    records = {pod: read_json(STATE / pod / "pod.json") for pod in pod_names()}
    units = [entry["unit"] for entry in (stamp or {}).get("units", [])]
    states = unit_states(units + [u for pod in records for u in units_of(pod, records[pod])])
    disk = os.statvfs(PODS if PODS.is_dir() else "/")
    state = {
        "format": 1,
        "debian": debian(),
        "architecture": platform.machine(),
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "memory_bytes": memory_bytes(),
        "disk_free_bytes": disk.f_bavail * disk.f_frsize,
        "clock": time.time(),
        "platform": describe_platform(stamp, states),
        "pods": {pod: describe_pod(pod, record, states) for pod, record in records.items()},
    }
    json.dump(state, sys.stdout)


if __name__ == "__main__":
    main()
