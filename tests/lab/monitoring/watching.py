"""A fleet that watches itself, as tests ask it: PromQL, processes, what is open."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.lab.monitoring.every_expression import Seen
from tests.lab.monitoring.receiver import Receiver
from tests.lab.standing import Standing

# How many series each of many expressions has, asked on the host itself in one call.
_COUNT = """
import json, sys, urllib.error, urllib.parse, urllib.request
found = {}
for name, expression in json.loads(sys.argv[1]).items():
    query = urllib.parse.urlencode({"query": expression})
    try:
        answer = urllib.request.urlopen("http://127.0.0.1:9090/api/v1/query?" + query)
        found[name] = len(json.load(answer)["data"]["result"])
    except urllib.error.HTTPError as error:
        found[name] = error.read().decode()
print(json.dumps(found))
"""
_QUERY = """
import json, sys, urllib.parse, urllib.request
query = urllib.parse.urlencode({"query": sys.argv[1]})
answer = json.load(urllib.request.urlopen("http://127.0.0.1:9090/api/v1/query?" + query))
print(json.dumps([[one["metric"], float(one["value"][1])] for one in answer["data"]["result"]]))
"""

Series = list[tuple[dict[str, str], float]]


@dataclass(frozen=True)
class Watching:
    """The standing fleet; `one` watches, `two` is watched."""

    fleet: Standing
    receiver: Receiver
    # Of the rules' and pages' expressions, which had series at any time since.
    seen: Seen

    def shell(self, host: str, script: str) -> str:
        """What a script says on a host."""
        return self.fleet.on(host, "sh", "-c", script).strip()

    def query(self, expression: str) -> Series:
        """What Prometheus answers now."""
        told = self.fleet.on("one", "python3", "-c", _QUERY, expression)
        return [(labels, value) for labels, value in json.loads(told)]

    def addresses(self, host: str) -> list[str]:
        """By which the host is reached from outside: IPv4, IPv6."""
        return self.shell(host, "hostname -I").split()

    def main_pid(self, unit: str) -> str:
        """Of a unit on the watching host: another one after each restart."""
        return self.shell("one", f"systemctl show --value --property=MainPID {unit}")


def counts(fleet: Standing, expressions: Mapping[str, str]) -> dict[str, int | str]:
    """How many series each expression has now; the error's text where it cannot be asked."""
    told = fleet.on("one", "python3", "-c", _COUNT, json.dumps(dict(expressions)))
    found: dict[str, int | str] = json.loads(told)
    return found


def wait_until(is_so: Callable[[], Any], seconds: float) -> Any:
    """Asks again and again; what came of it at last, so or not."""
    deadline = time.monotonic() + seconds
    while not (found := is_so()) and time.monotonic() < deadline:
        time.sleep(2)
    return found
