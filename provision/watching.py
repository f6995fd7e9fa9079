"""What the monitors of a watched fleet saw last, as their hosts tell it over SSH.

Ages are told by the clock of the host that looked: ours may be another's.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring.canary.flights import Flight
from provision.contract import MONITOR_PORT, MONITOR_STATE
from provision.errors import Refusal, UsageError
from provision.fleet.model import Fleet, Host
from provision.fleet.monitoring import Monitoring
from provision.hosts.connection import Connection
from provision.hosts.providers import connect
from provision.looking import select
from provision.report import Report
from provision.series import Series

# After so many intervals without word, what was seen last says nothing of now.
STALE_INTERVALS = 3
_METRICS = f"http://127.0.0.1:{MONITOR_PORT}/metrics"
_SECONDS = 60.0

# What `peers` needs, read in one call. Arguments: the state's file, the monitor's address.
_READ = """
import json, sys, time, urllib.request
told = {"now": time.time(), "peers": None, "lines": [], "why": None}
try:
    with open(sys.argv[1], encoding="utf-8") as state:
        told["peers"] = json.load(state)
except (OSError, ValueError):
    pass
try:
    with urllib.request.urlopen(sys.argv[2], timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    wanted = ("podfleet_peer_", "podfleet_source_up{")
    told["lines"] = [line for line in lines if line.startswith(wanted)]
except OSError as error:
    told["why"] = str(error)
json.dump(told, sys.stdout)
"""


@dataclass(frozen=True)
class Told:
    """What one host's monitor knows of its pods' peers."""

    now: float
    # peers.json, by peer; empty where nothing was probed yet, or not for longer than it should.
    probes: Mapping[str, Mapping[str, Any]]
    # Of its metrics, those of peers, and which sources could be read.
    series: Series


def monitoring_of(fleet: Fleet) -> Monitoring:
    """The fleet's [monitoring]; refused where it has none."""
    if fleet.monitoring is None:
        raise Refusal(
            str(fleet.file),
            "nothing watches this fleet",
            f'Add [monitoring] with host = "{next(iter(fleet.hosts))}", then run podfleet up.',
        )
    return fleet.monitoring


def last_flights(fleet: Fleet, report: Report, *, pods: Sequence[str] = ()) -> tuple[Flight, ...]:
    """What the watching host's canary saw last, of these pods' pairs (all unless named)."""
    host = fleet.hosts[monitoring_of(fleet).host]
    chosen = {pod.name for pod in select(fleet, pods, ())}
    flights, age = read_flights(connect(fleet, host, report))
    report.line(f"As host {host.name} saw it {_minutes(age)} ago.")
    return tuple(each for each in flights if {each.sender, each.receiver} & chosen)


def read_flights(connection: Connection) -> tuple[tuple[Flight, ...], float]:
    """The last flight of each pair, and how many seconds ago their round ended.

    Refused where the canary has not flown yet, or not for longer than it should.
    """
    told, now = _read_state(connection, "canary")
    if not told["pairs"]:
        raise Refusal(
            f"host {connection.name}",
            "its canary knows no pair of pods to fly between",
            "A canary needs two launched pods: run podfleet up, then ask again after a minute.",
        )
    age, interval = now - float(told["at"]), float(told["interval_seconds"])
    if age > STALE_INTERVALS * interval:
        raise Refusal(
            f"host {connection.name}",
            f"its canary flew last {_minutes(age)} ago, though it should every "
            f"{interval / 60:.0f}: what it saw then is stale",
            "See systemctl status podfleet-monitor there. podfleet canary flies one now.",
        )
    return tuple(Flight.from_json(pair) for pair in told["pairs"]), age


def _read_state(connection: Connection, name: str) -> tuple[Any, float]:
    """A state's content, and the host's time."""
    path = MONITOR_STATE / f"{name}.json"
    script = 'date +%s && exec cat -- "$1"'
    done = connection.run(["sh", "-c", script, "sh", str(path)], check=False)
    now, _, text = done.stdout.decode(errors="replace").partition("\n")
    if done.returncode != 0 or not text:
        raise Refusal(
            f"host {connection.name}",
            f"its {name} has not left word yet",
            "Run podfleet up if monitoring is new in the fleet file; else ask again in a minute.",
        )
    try:
        return json.loads(text), float(now)
    except ValueError as error:
        raise Refusal(
            f"host {connection.name}", f"{path} is not what podfleet writes", "Run podfleet up."
        ) from error


def told_by(fleet: Fleet, host: Host, report: Report) -> Told:
    """What the host's monitor knows of peers; refused where it does not answer."""
    interval = monitoring_of(fleet).peer_interval
    return read_told(connect(fleet, host, report), report, interval)


def read_told(
    connection: Connection, report: Report, interval: float, metrics: str = _METRICS
) -> Told:
    path = str(MONITOR_STATE / "peers.json")
    argv = ["python3", "-I", "-c", _READ, path, metrics]
    told = json.loads(connection.run(argv, timeout_seconds=_SECONDS).stdout)
    if told["why"] is not None:
        raise Refusal(
            f"host {connection.name}",
            f"its monitor does not answer: {told['why']}",
            "See systemctl status podfleet-monitor there, or run podfleet up.",
        )
    now, state = float(told["now"]), told["peers"] or {"at": told["now"], "peers": []}
    if (age := now - float(state["at"])) > STALE_INTERVALS * interval:
        report.warn(
            f"host {connection.name}: its last probes ended {_minutes(age)} ago. They are "
            "left out. See systemctl status podfleet-monitor there."
        )
        state["peers"] = []
    probes = {str(each["peer"]): each for each in state["peers"]}
    return Told(now, probes, Series(told["lines"]))


def check_address(given: str) -> None:
    """Refuses what is given for an IP address and is none."""
    try:
        ipaddress.ip_address(given)
    except ValueError as error:
        raise UsageError(
            "--address", f"{given!r} is no IP address", "Give one such as 203.0.113.10."
        ) from error


def check_authorities(path: Path) -> None:
    """Refuses a file that is given for certificates and holds none."""
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        what = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise UsageError(
            str(path), str(what), "Give --ca a file of certificates, as PEM."
        ) from error


def _minutes(age: float) -> str:
    """In words; what a clock that runs behind calls the future is a moment ago."""
    if age < 60:
        return "less than a minute"
    whole = round(age / 60)
    return "a minute" if whole == 1 else f"{whole} minutes"
