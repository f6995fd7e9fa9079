"""What the monitor's user may read of a real pod on a real host, and what it may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provision.contract import MONITOR_USER, PodPlaces
from provision.operations import facts_file
from tests.lab.operations.pod_lab import PodLab

HOST, POD = "one", "alpha"
PLACES = PodPlaces(POD)
# Run with the runtime that is on the host, as the monitor's own process is.
READ = """
import json, sys
sys.path[:0] = ["/opt/podfleet/current", "/opt/podfleet/current/site"]
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Unread
from monitoring.pod.sources import SOURCES
told = {}
for source in SOURCES:
    try:
        samples = source.begin()(PodPlace(sys.argv[1], sys.argv[2])).samples
        told[source.name] = sorted({sample[0].name for sample in samples})
    except Unread as error:
        told[source.name] = f"unread: {error}"
print(json.dumps(told))
"""


@pytest.fixture
def lab(serving: PodLab) -> PodLab:
    return serving


def as_monitor(lab: PodLab, script: str) -> str:
    return lab.shell(HOST, f"cd / && runuser -u {MONITOR_USER} -- sh -c '{script}'")


def seen(lab: PodLab) -> dict[str, Any]:
    argv = ["runuser", "-u", MONITOR_USER, "--", "python3", "-I", "-c", READ]
    found: dict[str, Any] = json.loads(lab.on(HOST, *argv, POD, lab.domain(POD)))
    return found


def test_every_source_of_the_pod_is_read(lab: PodLab) -> None:
    found = seen(lab)
    assert {name for name, said in found.items() if isinstance(said, str)} == set(), found
    assert "users" in found["database"] and "sidekiq_processes" in found["redis"]
    assert {"unit_active", "unit_memory_bytes"} <= set(found["units"])
    assert {"pod_info", "operation_ok", "safety_copies"} <= set(found["facts"])


def test_a_restarted_redis_and_a_rotated_log_are_read_too(lab: PodLab) -> None:
    lab.on(HOST, "systemctl", "restart", PLACES.redis_unit)
    lab.on(HOST, "logrotate", "--force", f"/etc/logrotate.d/{PLACES.user}")
    found = seen(lab)
    assert {name for name, said in found.items() if isinstance(said, str)} == set(), found
    as_monitor(lab, f"head -c 1 {PLACES.log}/production.log.1")


@pytest.mark.parametrize(
    "trespass",
    [
        f"ls {PLACES.home}",
        f"ls {PLACES.shared}",
        f"cat {PLACES.keys}/oidc_key.pem",
        f"cat {PLACES.current}/config/diaspora.toml",
        f"cat {PLACES.current}/config/database.yml",
        f"touch {PLACES.log}/production.log",
        f"touch {PLACES.uploads}/mine",
        f"ls {PLACES.exports}",
        f"ls {PLACES.state}",
        f'psql -XAtqw -d {PLACES.database(1)} -c "SELECT count(email) FROM users"',
        f'psql -XAtqw -d {PLACES.database(1)} -c "SELECT count(text) FROM posts"',
        f'psql -XAtqw -d {PLACES.database(1)} -c "DELETE FROM pods"',
        f'psql -XAtqw -d {PLACES.database(1)} -U {PLACES.user} -c "SELECT 1"',
        f"redis-cli -e -s {PLACES.redis_socket} --user {MONITOR_USER} --pass x SET a b",
        f"redis-cli -e -s {PLACES.redis_socket} --user {MONITOR_USER} --pass x CONFIG GET dir",
    ],
)
def test_what_it_may_not(lab: PodLab, trespass: str) -> None:
    assert as_monitor(lab, f"{trespass} >/dev/null 2>&1 || echo no").strip() == "no"


def test_facts_follow_what_is_done(lab: PodLab) -> None:
    before = facts(lab)
    assert before["database"] == PLACES.database(1) and before["operation"] is None
    # How the last one ended depends on the tests before: some are refused.
    assert "launch" in before["operations"]
    lab.run(POD, "configure")
    assert facts(lab)["operations"]["configure"]["ok"] is True


def facts(lab: PodLab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(as_monitor(lab, f"cat {facts_file.path_of(PLACES)}"))
    return found
