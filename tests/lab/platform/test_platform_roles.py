"""Every role: a second run changes nothing, and what was altered by hand is all that is mended."""

from __future__ import annotations

import json
import os

import pytest

from provision.converge.variables import ROLES
from tests.lab.platform.platform_host import PlatformHost

# As a run for an earlier fleet file, with [monitoring], was cut: this fleet is not watched.
LEFT = "mkdir -p /etc/systemd/system/{unit}.d && touch /etc/systemd/system/{unit}.d/podfleet.conf"
UNIT = "[Service]\\nExecStart=/usr/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n"
MONITOR = f"printf '{UNIT}' >{{}} && systemctl enable --now {{}}"

# Role, what somebody does by hand, what Ansible says it mended.
ALTERATIONS: dict[str, tuple[str, list[str]]] = {
    "base": (
        "chmod 0666 /etc/apt/apt.conf.d/60podfleet",
        ["base: Settings of apt (/etc/apt/apt.conf.d/60podfleet)"],
    ),
    "ssh": (
        "echo PasswordAuthentication yes >/etc/ssh/sshd_config.d/00-podfleet.conf",
        [
            "ssh: Settings of the SSH server (/etc/ssh/sshd_config.d/00-podfleet.conf)",
            "ssh: Restart the SSH server",
        ],
    ),
    "firewall": (
        "nft delete table inet podfleet",
        ["firewall: Rules are in the kernel", "firewall: Load the rules"],
    ),
    "postgresql": (
        "echo 'host all all 0.0.0.0/0 trust' >>/etc/postgresql/17/main/pg_hba.conf",
        [
            "postgresql: Settings (/etc/postgresql/17/main/pg_hba.conf)",
            "postgresql: Take the settings",
        ],
    ),
    "redis": (
        "systemctl unmask redis-server.service && systemctl start redis-server.service",
        ["redis: The shared instance never runs"],
    ),
    "nginx": (
        "ln -s ../sites-available/default /etc/nginx/sites-enabled/default",
        ["nginx: No welcome page", "nginx: Reload nginx"],
    ),
    "certificates": (
        "systemctl disable --now certbot.timer",
        ["certificates: Certificates are renewed"],
    ),
    "ruby": (
        "sed -i s/256MiB/8GiB/ /etc/ImageMagick-7/policy.xml",
        ["ruby: Which images are taken (/etc/ImageMagick-7/policy.xml)"],
    ),
    "runtime": (
        "rm /opt/podfleet/current",
        ["runtime: The version that operations start from"],
    ),
    "node_exporter": (
        LEFT.format(unit="prometheus-node-exporter.service"),
        ["node_exporter: Nothing is left of it"],
    ),
    "monitor": (
        MONITOR.format("/etc/systemd/system/podfleet-monitor.service", "podfleet-monitor"),
        [
            "monitor: They do not run (podfleet-monitor.service)",
            "monitor: Their files and secrets are gone "
            "(/etc/systemd/system/podfleet-monitor.service)",
        ],
    ),
    "prometheus": (
        LEFT.format(unit="prometheus.service"),
        ["prometheus: Nothing is left of it"],
    ),
    "alertmanager": (
        LEFT.format(unit="prometheus-alertmanager.service"),
        ["alertmanager: Nothing is left of it"],
    ),
    "stamp": ("rm /var/lib/podfleet/platform.json", ["stamp: Record of the platform"]),
}


def test_second_run_changes_nothing(platform: PlatformHost) -> None:
    assert platform.changes() == []


def test_every_role_is_altered() -> None:
    assert set(ALTERATIONS) == set(ROLES)


@pytest.fixture(scope="module")
def mended(platform: PlatformHost) -> list[str]:
    """What one run mends after one thing of every role was altered by hand."""
    for by_hand, _ in ALTERATIONS.values():
        platform.shell(by_hand)
    return platform.changes()


@pytest.mark.parametrize("role", ALTERATIONS)
def test_exactly_what_was_altered_is_mended(mended: list[str], role: str) -> None:
    assert [change for change in mended if change.startswith(f"{role}: ")] == ALTERATIONS[role][1]


def test_nothing_else_was_changed(platform: PlatformHost, mended: list[str]) -> None:
    assert sorted(mended) == sorted(told for _, tale in ALTERATIONS.values() for told in tale)
    assert platform.changes() == []


def test_stamp_is_the_stage(platform: PlatformHost) -> None:
    stamp = json.loads(platform.shell("cat /var/lib/podfleet/platform.json"))
    assert stamp == platform.stage.manifest
    assert stamp["digest"] == platform.stage.digest
    assert platform.shell("stat -c %a /var/lib/podfleet/platform.json") == "600"


def test_plain_ansible_does_the_same(platform: PlatformHost) -> None:
    """Correctness does not rest on mitogen."""
    platform.shell("echo x >>/etc/nginx/nginx.conf")
    mended = ["nginx: Settings (/etc/nginx/nginx.conf)", "nginx: Reload nginx"]
    assert platform.changes(roles=["nginx"], use_mitogen=False) == mended


def test_settings_of_the_user_are_not_meant_for_podfleet(
    platform: PlatformHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_STRATEGY", "no_such_strategy")
    assert platform.changes(roles=["ruby"]) == []
    assert os.environ["ANSIBLE_STRATEGY"] == "no_such_strategy"


def test_container_is_told_of_its_missing_swap(platform: PlatformHost) -> None:
    notices = platform.converge(roles=["base"]).notices
    assert [notice for notice in notices if "cannot have a swap file of its own" in notice]


def test_what_runs_is_sized_and_private(platform: PlatformHost) -> None:
    """PostgreSQL took its settings, and neither it nor Redis listens on TCP."""
    query = "cd / && runuser -u postgres -- psql -XAtc 'SHOW {}'"
    assert platform.shell(query.format("shared_buffers")) == "256MB"
    assert platform.shell(query.format("listen_addresses")) == ""
    listening = platform.shell("ss -Hltn | awk '{print $4}'").split()
    assert {address.rpartition(":")[2] for address in listening} <= {"22", "80"} | {"443"}


def test_all_comes_back_after_a_power_cut(platform: PlatformHost) -> None:
    platform.connection.run(["sync"])
    platform.lab.kill("one")
    platform.lab.boot("one")
    assert "policy drop" in platform.shell("nft list chain inet podfleet input")
    assert platform.changes() == []
