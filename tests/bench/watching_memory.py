"""What all of monitoring holds in memory on a small server that watches itself."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.bench.on_host import live_database, psql
from tests.bench.table import Figure
from tests.bench.upgrades import fleet_of
from tests.lab.standing import Standing

POD, HOST = "alpha", "alpha"
PEERS, GOAL_MB = 300, 220.0
SETTLE_SECONDS = 600.0
LOOKS, LOOK_SECONDS = 5, 20.0
UNITS = (
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-node-exporter",
    "podfleet-monitor",
)
WATCHED = f"""
[monitoring]
host = "{HOST}"
allow_private = true
"""
# Half of the names lead to where nothing listens, half to this host's nginx, which has no
# certificate for them.
_NAMES = """
for number in $(seq 1 "$1"); do
    address=127.0.0.2
    [ $((number % 2)) = 0 ] && address=127.0.0.1
    echo "$address peer$number.bench.test"
done >>/etc/hosts
"""
_PEERS = """
INSERT INTO pods (host, ssl, port, created_at, updated_at)
SELECT 'peer' || number || '.bench.test', true,
       CASE number % 2 WHEN 0 THEN -1 ELSE 8443 END, now(), now()
FROM generate_series(1, {peers}) AS number
"""
# Shared pages are counted once: that is what would be free without them.
_WEIGH = """
import json, pathlib, subprocess, sys
def weight(unit):
    show = ["systemctl", "show", "--value", "--property=ControlGroup", unit]
    group = subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()
    pids = pathlib.Path(f"/sys/fs/cgroup{group}/cgroup.procs").read_text().split()
    assert pids, f"{unit} does not run"
    return sum(map(pss, pids)) / 1024
def pss(pid):
    lines = pathlib.Path("/proc", pid, "smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
print(json.dumps({unit: weight(unit) for unit in sys.argv[1:]}))
"""


def watching(where: Path) -> list[Figure]:
    """One server of 1 GiB, a pod that knows 300 peers, after ten minutes."""
    with fleet_of(where, "watching", {POD: HOST}, "1.0.0.0") as fleet:
        fleet.file.write_text(fleet.file.read_text() + WATCHED)
        fleet.podfleet("up", "--yes")
        fleet.on(HOST, "sh", "-c", _NAMES, "names", str(PEERS))
        database = live_database(fleet, HOST, POD)
        psql(fleet, HOST, database, _PEERS.format(peers=PEERS))
        time.sleep(SETTLE_SECONDS)
        looks = [_look(fleet) for _ in range(LOOKS)]
        assert _probed(fleet) >= PEERS
    most = max(looks, key=lambda look: sum(look.values()))
    parts = [Figure(f"of it {unit}", mb, unit="MB") for unit, mb in most.items()]
    words = f"all of monitoring, 1 GiB, {PEERS} peers"
    return [Figure(words, sum(most.values()), GOAL_MB, unit="MB"), *parts]


def _look(fleet: Standing) -> dict[str, float]:
    time.sleep(LOOK_SECONDS)
    found: dict[str, float] = json.loads(fleet.on(HOST, "python3", "-c", _WEIGH, *UNITS))
    return found


def _probed(fleet: Standing) -> int:
    """How many peers the monitor has probed."""
    script = "curl --silent http://127.0.0.1:9480/metrics | grep -c '^podfleet_probe_success{'; :"
    return int(fleet.on(HOST, "sh", "-c", script))
