"""What a host says of itself, its platform and its pods, as one JSON object on stdout.

Stands alone: it is piped to `python3 -I -` on the host, so it imports nothing but the standard
library of Debian 12's Python, also where podfleet never was. It only reads.
"""

import hashlib
import json
import os
import platform
import pwd
import grp
import stat
import subprocess
import sys
import time

STATE = "/var/lib/podfleet"
PODS = "/srv/pods"


def read_json(path):
    """The file's JSON, or None where there is no such file."""
    try:
        with open(path, "rb") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def lines_of(path):
    """The whole JSON lines of a journal (a torn last one is no line)."""
    found = []
    try:
        with open(path, "rb") as file:
            for raw in file:
                try:
                    found.append(json.loads(raw))
                except ValueError:
                    break
    except FileNotFoundError:
        pass
    return found


def name_of(number, database, field):
    try:
        return getattr(database(number), field)
    except KeyError:
        return str(number)


def file_drift(entry, release):
    """What is wrong with one managed file: its content, its mode, its owner."""
    path = entry["path"]
    real = path.replace("@release", release, 1) if path.startswith("@release") else path
    try:
        seen = os.stat(real)
        with open(real, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return [drift(path, "missing", "is missing")]
    mode = format(stat.S_IMODE(seen.st_mode), "04o")
    owner = name_of(seen.st_uid, pwd.getpwuid, "pw_name")
    owner += ":" + name_of(seen.st_gid, grp.getgrgid, "gr_name")
    shall = entry["owner"] + ":" + entry["group"]
    found = []
    if content != entry["sha256"]:
        found.append(drift(path, "content", "was edited by hand"))
    if mode != entry["mode"]:
        found.append(drift(path, "mode", "has mode %s instead of %s" % (mode, entry["mode"])))
    if owner != shall:
        found.append(drift(path, "owner", "belongs to %s instead of %s" % (owner, shall)))
    return found


def drift(where, kind, what):
    return {"where": where, "kind": kind, "what": what}


def unit_states(units):
    """Of each unit: (active state, enabled), from one call of systemctl."""
    if not units:
        return {}
    argv = ["systemctl", "show", "--property=Id,ActiveState,UnitFileState,Result", "--", *units]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    blocks = [block for block in done.stdout.split("\n\n") if block.strip()]
    found = {}
    for unit, block in zip(units, blocks):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        enabled = fields.get("UnitFileState") in ("enabled", "enabled-runtime", "static")
        found[unit] = (fields.get("ActiveState", "unknown"), enabled)
    return found


def unit_drift(units, states):
    found = []
    for entry in units:
        unit = entry["unit"]
        active, is_enabled = states.get(unit, ("unknown", False))
        if entry.get("active") and active not in ("active", "activating", "reloading"):
            found.append(drift(unit, "stopped", "is " + active))
        if entry.get("enabled") and not is_enabled:
            found.append(drift(unit, "disabled", "is not enabled: it would not start at boot"))
    return found


def last_operation(pod):
    """The newest operation of a pod, finished or not; None where none was ever run."""
    directory = os.path.join(STATE, pod, "operations")
    try:
        ids = sorted(n for n in os.listdir(directory) if os.path.isdir(os.path.join(directory, n)))
    except FileNotFoundError:
        return None
    for operation in reversed(ids):
        request = read_json(os.path.join(directory, operation, "request.json"))
        if request is not None:
            return describe_operation(operation, request, os.path.join(directory, operation))
    return None


def describe_operation(operation, request, directory):
    lines = lines_of(os.path.join(directory, "journal.jsonl"))
    verdict = next((line for line in lines if line["event"] == "verdict"), None)
    steps = [line["step"] for line in lines if line["step"]]
    return {
        "id": operation,
        "operation": request["operation"],
        "operator": request.get("operator", ""),
        "since": request.get("at") or (lines[0]["at"] if lines else None),
        "step": steps[-1] if steps else None,
        "finished": verdict is not None,
        "exit": verdict["exit"] if verdict else None,
    }


def releases_of(pod):
    directory = os.path.join(PODS, pod, "releases")
    try:
        ids = sorted(n for n in os.listdir(directory) if not n.startswith("."))
    except OSError:
        return []
    return [{"id": i, "bytes": tree_bytes(os.path.join(directory, i))} for i in ids]


def tree_bytes(top):
    """What a release was counted to take when it was unpacked (counting again takes too long)."""
    try:
        with open(os.path.join(top, ".podfleet-bytes")) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def files_in(directory):
    """Plain files by name, size and date: a pod's exports."""
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        return []
    return [
        {"name": e.name, "bytes": e.stat().st_size, "at": int(e.stat().st_mtime)}
        for e in entries
        if e.is_file() and not e.name.startswith(".")
    ]


def pod_state(record, states, operation, pod):
    """One word for how the pod is, as `status` shows it."""
    if record is None:
        return "absent"
    if os.path.exists(os.path.join(PODS, pod, "maintenance")):
        return "maintenance"
    units = {entry["unit"]: states.get(entry["unit"], ("unknown",))[0] for entry in record["units"]}
    web = [state for unit, state in units.items() if "-web@" in unit and unit.endswith(".service")]
    if not web or any(state not in ("active", "reloading") for state in web):
        return "down"
    beside_red = any(state not in ("active", "reloading") for state in units.values())
    not_safe = bool(operation and operation["finished"] and operation["exit"] == 4)
    return "degraded" if beside_red or not_safe else "serving"


def describe_pod(pod, record, states):
    found = []
    if record is not None:
        release = os.path.join(PODS, pod, "releases", record["release_id"])
        for entry in record["manifest"]["files"]:
            found += file_drift(entry, release)
        found += unit_drift(record["units"], states)
    operation = last_operation(pod)
    units = record["units"] if record else []
    return {
        "record": record,
        "drift": found,
        "operation": operation,
        "units": {e["unit"]: states.get(e["unit"], ("unknown",))[0] for e in units},
        "state": pod_state(record, states, operation, pod),
        "releases": releases_of(pod),
        "exports": files_in(os.path.join(PODS, pod, "exports")),
        "refused": read_json(os.path.join(STATE, pod, "refused.json")) or [],
        "stay_down": os.path.exists(os.path.join(STATE, pod, "stay-down")),
    }


def describe_platform(record, states):
    if record is None:
        return None
    found = []
    for entry in record["files"]:
        found += file_drift(entry, "")
    found += unit_drift(record.get("units", []), states)
    return {**{key: record.get(key) for key in ("level", "digest", "runtime")}, "drift": found}


def pod_names():
    try:
        names = os.listdir(STATE)
    except FileNotFoundError:
        return []
    return sorted(n for n in names if os.path.isdir(os.path.join(STATE, n, "operations")))


def debian():
    try:
        with open("/etc/os-release") as file:
            fields = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    except FileNotFoundError:
        return ""
    is_debian = fields.get("ID", "").strip('"') == "debian"
    return fields.get("VERSION_ID", "").strip('"') if is_debian else ""


def memory_bytes():
    with open("/proc/meminfo") as file:
        return int(file.readline().split()[1]) * 1024


def main():
    stamp = read_json(os.path.join(STATE, "platform.json"))
    records = {pod: read_json(os.path.join(STATE, pod, "pod.json")) for pod in pod_names()}
    described = [stamp or {}, *(record or {} for record in records.values())]
    states = unit_states([e["unit"] for record in described for e in record.get("units", [])])
    disk = os.statvfs("/srv/pods" if os.path.isdir(PODS) else "/")
    state = {
        "format": 1,
        "debian": debian(),
        "architecture": platform.machine(),
        "python": "%d.%d" % sys.version_info[:2],
        "memory_bytes": memory_bytes(),
        "disk_free_bytes": disk.f_bavail * disk.f_frsize,
        "clock": time.time(),
        "platform": describe_platform(stamp, states),
        "pods": {pod: describe_pod(pod, record, states) for pod, record in records.items()},
    }
    json.dump(state, sys.stdout)


if __name__ == "__main__":
    main()
