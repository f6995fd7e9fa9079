"""The watching moves to another host, and ends: nothing of it runs, no secret stays."""

from __future__ import annotations

import pytest

from tests.lab.monitoring.watching import Watching, wait_until

UNITS = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter", "podfleet-monitor")
# Of the host that watches, and of every host that is watched.
SECRETS = (
    "/etc/podfleet/canary.json",
    "/etc/prometheus/podfleet/scrape.key",
    "/etc/prometheus/podfleet-alertmanager/alertmanager.yml",
)

WATCHED = ("/etc/podfleet/metrics/host.key", "/etc/podfleet/monitor.json")


def running(watching: Watching, host: str) -> set[str]:
    units = " ".join(UNITS)
    states = watching.shell(host, f"systemctl is-active {units}; :").split()
    enabled = watching.shell(host, f"systemctl is-enabled {units} 2>/dev/null; :").split()
    active = {unit for unit, state in zip(UNITS, states, strict=True) if state == "active"}
    assert len(active) == enabled.count("enabled"), (states, enabled)
    return active


def test_another_host_watches(watching: Watching) -> None:
    _move(watching)
    watching.fleet.podfleet("up", "--yes")
    assert running(watching, "two") == set(UNITS)
    assert running(watching, "one") == {"prometheus-node-exporter", "podfleet-monitor"}
    for path in SECRETS:
        assert watching.shell("one", f"test -e {path} || echo gone") == "gone"
    ask = "curl --silent --get --data-urlencode 'query=count(up == 1)'"
    ask += " http://127.0.0.1:9090/api/v1/query"
    assert wait_until(lambda: '"6"' in watching.shell("two", ask), 90)
    assert watching.fleet.podfleet("up", "--json").json["nothing_to_do"] is True


def _move(watching: Watching) -> None:
    """Of the table [monitoring] alone."""
    head, table, rest = watching.fleet.file.read_text().partition("[monitoring]\n")
    watching.fleet.file.write_text(head + table + rest.replace('host = "one"', 'host = "two"', 1))


@pytest.fixture
def unwatched(watching: Watching) -> Watching:
    """The same fleet without [monitoring]."""
    head, _, rest = watching.fleet.file.read_text().partition("[monitoring]\n")
    watching.fleet.file.write_text(head + "[pods.alpha]" + rest.partition("[pods.alpha]")[2])
    watching.fleet.podfleet("up", "--yes")
    return watching


def test_a_fleet_that_nobody_watches_runs_none_of_it(unwatched: Watching) -> None:
    for host in ("one", "two"):
        assert running(unwatched, host) == set()
        listening = unwatched.shell(host, "ss -Hltn | awk '{print $4}'").split()
        ports = {int(each.rpartition(":")[2]) for each in listening}
        assert ports & {9090, 9093, 9100, 9480} == set()
        for path in (*SECRETS, *WATCHED):
            assert unwatched.shell(host, f"test -e {path} || echo gone") == "gone"
    assert unwatched.fleet.podfleet("up", "--json").json["nothing_to_do"] is True
