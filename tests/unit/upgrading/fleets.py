"""A fleet of three launched pods on two hosts, as an upgrade sees it: no host is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provision.contract import PLATFORM_LEVEL
from provision.errors import PodfleetError
from provision.fleet.loading import load_fleet
from provision.fleet.model import Fleet
from provision.hosts.connection import Connection
from provision.hosts.facts import HostFacts, OperationFacts, PlatformFacts, PodFacts
from provision.looking import Seen
from provision.targets import Target

TEXT = """\
# The lab's pods, and how they are upgraded.
[fleet]
lead_pod = "beta"

[upgrade]
wait = "10m"
parallel = 2

[hosts.one]
provider = "lab"
memory = "4 GiB"

[hosts.two]
provider = "lab"
memory = "1 GiB"
"""
POD = """
[pods.{name}]
domain = "{name}.lab.test"
host = "{host}"
release = "{release}"   # of {name}
source = "rehearsal"
admin = {{ username = "alice", email = "alice@{name}.lab.test" }}
"""
HOSTS = {"alpha": "one", "beta": "one", "gamma": "two"}
NOW = 1_800_000_000.0


class Told:
    """A report that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def step(self, name: str, where: str = "") -> Any:
        from contextlib import nullcontext

        return nullcontext()

    def line(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def written(directory: Path, *, release: str = "1.1.0.0", more: str = "") -> Fleet:
    """The fleet of a file below this directory."""
    file = directory / "fleet.toml"
    pods = [POD.format(name=name, host=host, release=release) for name, host in HOSTS.items()]
    file.write_text(TEXT + "".join(pods) + more)
    return load_fleet(str(file))


def pod_facts(domain: str, running: str | None = "1.0.0.0-0123abcd", **more: Any) -> PodFacts:
    record = {"domain": domain, "release_id": running} if running else None
    told: dict[str, Any] = {
        "record": record,
        "drift": (),
        "operation": None,
        "units": {},
        "state": "serving",
        "releases": (),
        "exports": (),
        "refused": (),
        "stay_down": False,
    }
    return PodFacts(**{**told, **more})


def upgrade_operation(**more: Any) -> OperationFacts:
    told: dict[str, Any] = {
        "id": "20270115T075500000-upgrade",
        "operation": "upgrade",
        "operator": "alice@laptop",
        "since": "2027-01-15T07:55:00+00:00",
        "step": "record",
        "finished": True,
        "exit": 0,
    }
    return OperationFacts(**{**told, **more})


def seen(
    fleet: Fleet,
    pods: dict[str, PodFacts] | None = None,
    *,
    level: int = PLATFORM_LEVEL,
    error: PodfleetError | None = None,
) -> dict[str, Seen]:
    """Both hosts with their pods; those in `pods` as stated, or none of them where `error`."""
    found = {}
    for name, host in fleet.hosts.items():
        here = {
            pod.name: (pods or {}).get(pod.name) or pod_facts(pod.domain)
            for pod in fleet.pods_on(name)
        }
        platform = PlatformFacts(level, "0", "0", ())
        facts = HostFacts("13", "x86_64", "3.13", 4 << 30, 20 << 30, NOW, platform, here)
        connection = Connection.__new__(Connection)
        found[name] = Seen(host, connection, facts) if error is None else Seen(host, error=error)
    return found


def target(fleet: Fleet, name: str, facts: PodFacts | None = None) -> Target:
    one = seen(fleet, {name: facts} if facts else None)[HOSTS[name]]
    assert one.connection and one.facts
    found = one.facts.pods[name]
    running = str((found.record or {})["release_id"])
    return Target(fleet.pods[name], one.host, one.connection, one.facts, found, running)
