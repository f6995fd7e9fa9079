"""What a host's plan says of each file of the platform that differs from what was applied."""

from __future__ import annotations

from provision.converge.effects import effects

ALERTMANAGER = "/etc/prometheus/podfleet-alertmanager"


def test_a_line_a_file() -> None:
    applied = {
        f"{ALERTMANAGER}/alertmanager.yml": "old",
        f"{ALERTMANAGER}/mail-password": "old",
        "/etc/nftables.conf": "same",
        "/etc/systemd/system/podfleet-dashboard.socket": "old",
    }
    shall = {
        f"{ALERTMANAGER}/alertmanager.yml": "new",
        "/etc/nftables.conf": "same",
        "/etc/systemd/system/prometheus.service.d/podfleet.conf": "new",
    }
    files = [{"path": path, "sha256": digest} for path, digest in shall.items()]
    assert list(effects(applied, {"files": files})) == [
        f"{ALERTMANAGER}/alertmanager.yml changes: Alertmanager reads its settings again",
        "/etc/systemd/system/prometheus.service.d/podfleet.conf is new: Prometheus restarts",
        f"{ALERTMANAGER}/mail-password is not wanted any more",
        "/etc/systemd/system/podfleet-dashboard.socket is not wanted any more: the dashboard stops",
    ]
