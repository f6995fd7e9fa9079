"""What watches a fleet, file for file, and that Prometheus' and Alertmanager's own tools take it.

The rules are left out: their own tests know them.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from provision.converge.alerting import SUBJECT
from provision.converge.monitoring_files import (
    monitoring_files,
    monitoring_packages,
    monitoring_units,
    monitoring_variables,
)
from provision.converge.monitoring_sizes import monitoring_sizes
from provision.errors import Refusal
from provision.fleet.authority import SCRAPE_NAME, certificate_of, issue, key_of, new_authority
from provision.fleet.model import Acme, Fleet, Host, Pod
from provision.fleet.monitoring import Monitoring
from provision.render import Stage, read_manifest
from tests.golden.trees import assert_golden

HOSTS: dict[str, dict[str, Any]] = {
    "one": {"memory": "1 GiB", "address": "192.0.2.1", "address6": "2001:db8::1"},
    "two": {"memory": "4 GiB", "address": "192.0.2.2"},
    "three": {"memory": "8 GiB", "address6": "2001:db8::3"},
}
PODS = {"alpha": "one", "beta": "two", "gamma": "two"}
PASSWORD = 'a "mail" {{ password }} $(id)'
HOOK = "https://chat.example.org/hook/s3cret"
MAIL = {
    "to": "alice@example.org",
    "sender": "alerts@pods.example.org",
    "smarthost": "mail.example.org:587",
    "username": 'alerts"{{ 7 * 7 }}',
}
MONITORING: dict[str, dict[str, Any]] = {
    "one": {"host": "one"},
    "two": {
        "host": "two",
        "mail": MAIL,
        "webhook": "https://example.org/hook?a=b&c='d'",
        "remote_write": ["https://metrics.example.org/api/v1/write"],
        "retention_days": 90,
        "runbooks": "https://example.org/runbook",
    },
}


def fleet(root: Path, hosts: int, **told: Any) -> Fleet:
    """The first `hosts` of them, watched as told."""
    names = list(HOSTS)[:hosts]
    pods = {
        name: Pod.model_validate(
            {
                "name": name,
                "domain": f"{name}.example.org",
                "host": host,
                "release": "0.9.1.0",
                "admin": {"username": "alice", "email": "alice@example.org"},
            }
        )
        for name, host in PODS.items()
        if host in names
    }
    return Fleet(
        name="golden",
        file=root / "fleet.toml",
        keeps=root,
        acme=Acme(contact="admin@example.org"),
        hosts={name: Host.model_validate({"name": name, **HOSTS[name]}) for name in names},
        pods=pods,
        monitoring=Monitoring.model_validate(told) if told else None,
        lead_pod="alpha",
    )


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    authority = new_authority()
    scrape = issue(authority, SCRAPE_NAME)
    return {
        "fleet_ca": certificate_of(authority),
        "scrape_certificate": certificate_of(scrape),
        "scrape_key": key_of(scrape),
        "mail_password": PASSWORD,
        "webhook": HOOK,
    }


def staged(root: Path, watched: Fleet, host: str, secrets: dict[str, str]) -> Path:
    """The files as they come to the host."""
    stage = Stage(root / host)
    for file, source, told in monitoring_files(watched, watched.hosts[host], secrets):
        stage.add(source, file.path, file.mode, file.owner, file.group, **told)
    stage.finish()
    return root / host / "files"


def golden_part(files: Path) -> Path:
    """Without what other tests know, and what is another each time."""
    directory = files / "etc/prometheus/podfleet"
    for name in ("rules.yml", "ca.pem", "scrape.pem", "scrape.key"):
        (directory / name).unlink(missing_ok=True)
    return files


def relocated(files: Path, path: str) -> Path:
    """A file of /etc/prometheus as its own tools read it here: its paths lead into the stage."""
    file = files / path.lstrip("/")
    text = file.read_text()
    text = re.sub(r"(?<![\w/])/etc/prometheus", f"{files}/etc/prometheus", text)
    file.with_suffix(".here.yml").write_text(text)
    return file.with_suffix(".here.yml")


def said(*argv: str | Path) -> str:
    """What a tool says of settings that it takes."""
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Hosts of the fleet, the one that watches, and the one whose files these are.
CASES = [
    pytest.param(1, "one", "one", id="one-host-watches-itself"),
    pytest.param(3, "two", "two", id="a-host-watches-three"),
    pytest.param(3, "two", "one", id="a-host-that-is-watched"),
]


@pytest.mark.parametrize(("hosts", "watching", "host"), CASES)
def test_files(
    tmp_path: Path, secrets: dict[str, str], hosts: int, watching: str, host: str
) -> None:
    watched = fleet(tmp_path, hosts, **MONITORING[watching])
    files = golden_part(staged(tmp_path, watched, host, secrets))
    assert_golden(files, f"monitoring/{host}-of-{hosts}")


@pytest.mark.parametrize(("hosts", "watching"), [(1, "one"), (3, "two")])
def test_their_own_tools_take_them(
    tmp_path: Path, secrets: dict[str, str], hosts: int, watching: str
) -> None:
    files = staged(tmp_path, fleet(tmp_path, hosts, **MONITORING[watching]), watching, secrets)
    prometheus = relocated(files, "/etc/prometheus/podfleet/prometheus.yml")
    assert "SUCCESS" in said("promtool", "check", "config", prometheus)
    alerts = relocated(files, "/etc/prometheus/podfleet-alertmanager/alertmanager.yml")
    assert "SUCCESS" in said("amtool", "check-config", alerts)


def test_whom_an_alert_is_told(tmp_path: Path, secrets: dict[str, str]) -> None:
    files = staged(tmp_path, fleet(tmp_path, 3, **MONITORING["two"]), "two", secrets)
    alerts = relocated(files, "/etc/prometheus/podfleet-alertmanager/alertmanager.yml")
    for severity in ("page", "ticket"):
        told = said("amtool", "config", "routes", "test", f"--config.file={alerts}",
                    f"severity={severity}")  # fmt: skip
        assert told.strip() == "operators"


def test_pods_of_one_host_page_once(tmp_path: Path, secrets: dict[str, str]) -> None:
    """What breaks a host, or its database, breaks all of them: that is one message."""
    for hosts, watching, expected in ((3, "two", ["beta|gamma"]), (1, "one", [])):
        files = staged(tmp_path, fleet(tmp_path, hosts, **MONITORING[watching]), watching, secrets)
        alerts = files / "etc/prometheus/podfleet-alertmanager/alertmanager.yml"
        (page,) = yaml.safe_load(alerts.read_text())["route"]["routes"]
        assert page["matchers"] == ['severity="page"']
        assert page.get("routes", []) == [
            {"matchers": [f'pod=~"{pods}"'], "group_by": ["severity"]} for pods in expected
        ]


SUBJECTS = [
    ({"pod": "alpha"}, [("alpha", "firing"), ("alpha", "firing")], "PAGE: alpha: PodDown, PodDown"),
    # Of several pods each is named; what is over already is no news to be woken for.
    ({}, [("alpha", "resolved"), ("beta", "firing")], "PAGE: beta PodDown"),
    ({}, [("alpha", "resolved"), ("beta", "resolved")], "over: alpha PodDown, beta PodDown"),
    ({}, [("", "firing")], "PAGE: PodDown"),
    (
        {},
        [(pod, "firing") for pod in "abcd"],
        "PAGE: a PodDown, b PodDown, c PodDown and more (4)",
    ),
]


@pytest.mark.parametrize(("grouped", "alerts", "subject"), SUBJECTS)
def test_a_subject_says_what_is_the_matter_where(
    tmp_path: Path, grouped: dict[str, str], alerts: list[tuple[str, str]], subject: str
) -> None:
    told = [
        {"status": status, "labels": {"alertname": "PodDown"} | ({"pod": pod} if pod else {})}
        for pod, status in alerts
    ]
    status = "firing" if any(one["status"] == "firing" for one in told) else "resolved"
    labels = {"severity": "page"}
    data = {"status": status, "alerts": told, "groupLabels": grouped, "commonLabels": labels}
    (tmp_path / "data.json").write_text(json.dumps(data))
    (tmp_path / "none.tmpl").write_text("")
    glob, text = f"--template.glob={tmp_path}/*.tmpl", f"--template.text={SUBJECT}"
    read = f"--template.data={tmp_path / 'data.json'}"
    assert said("amtool", "template", "render", glob, text, read).strip() == subject


def test_text_of_the_fleet_file_is_only_text(tmp_path: Path, secrets: dict[str, str]) -> None:
    files = staged(tmp_path, fleet(tmp_path, 3, **MONITORING["two"]), "two", secrets)
    told = yaml.safe_load(
        (files / "etc/prometheus/podfleet-alertmanager/alertmanager.yml").read_text()
    )
    assert told["global"]["smtp_auth_username"] == MAIL["username"]
    (receiver,) = told["receivers"]
    assert receiver["webhook_configs"][0]["url"] == MONITORING["two"]["webhook"]
    assert receiver["email_configs"][0]["to"] == MAIL["to"]


def test_who_signs_in_at_a_store_is_no_part_of_its_url(
    tmp_path: Path, secrets: dict[str, str]
) -> None:
    """Which Prometheus writes into its log as it is."""
    told = {
        **MONITORING["two"],
        "remote_write": ["https://me:p%40ss:@store.example.org:8443/w?a=b"],
    }
    files = staged(tmp_path, fleet(tmp_path, 3, **told), "two", secrets)
    prometheus = relocated(files, "/etc/prometheus/podfleet/prometheus.yml")
    assert "SUCCESS" in said("promtool", "check", "config", prometheus)
    (store,) = yaml.safe_load(prometheus.read_text())["remote_write"]
    assert store["url"] == "https://store.example.org:8443/w?a=b"
    assert store["basic_auth"] == {"username": "me", "password": "p@ss:"}


def test_secrets_are_in_files_of_their_own(tmp_path: Path, secrets: dict[str, str]) -> None:
    """Which only root and the program may read; no role is told their text."""
    watched = fleet(tmp_path, 3, **{**MONITORING["two"], "webhook": "vault"})
    files = staged(tmp_path, watched, "two", secrets)
    for name, secret in secrets.items():
        found = [path for path in files.rglob("*") if path.is_file() and secret in path.read_text()]
        assert len(found) == 1, name
    for entry in read_manifest(files.parent)["files"]:
        if entry["path"].startswith("/etc/prometheus"):
            assert (entry["mode"], entry["owner"], entry["group"]) == ("0640", "root", "prometheus")
    roles = str(monitoring_variables(watched, watched.hosts["two"]))
    assert not any(secret in roles for secret in secrets.values())
    assert "{{" not in roles


def test_every_file_is_installed_by_its_role(tmp_path: Path, secrets: dict[str, str]) -> None:
    for watching, hosts in (("one", 1), ("two", 3)):
        watched = fleet(tmp_path, hosts, **MONITORING[watching])
        for host in watched.hosts.values():
            roles = monitoring_variables(watched, host)
            told = {
                (role, entry["path"])
                for role, config in roles.items()
                for kind in ("files", "units")
                for entry in config.get(kind, [])
            }
            found = {
                (file.role, file.path) for file, _, _ in monitoring_files(watched, host, secrets)
            }
            assert told == found


def test_only_the_watching_host_watches(tmp_path: Path) -> None:
    watched = fleet(tmp_path, 3, **MONITORING["two"])
    assert monitoring_packages(watched, watched.hosts["one"]) == ["prometheus-node-exporter"]
    assert len(monitoring_packages(watched, watched.hosts["two"])) == 3
    units = [each["unit"] for each in monitoring_units(watched, watched.hosts["three"])]
    assert units == ["prometheus-node-exporter.service"]
    wanted = {
        role: config["is_wanted"]
        for role, config in monitoring_variables(watched, watched.hosts["three"]).items()
    }
    assert wanted == {"prometheus": False, "alertmanager": False, "node_exporter": True}


def test_a_password_that_is_not_used_any_more_goes(tmp_path: Path, secrets: dict[str, str]) -> None:
    without = {key: value for key, value in MAIL.items() if key != "username"}
    for mail, goes in ((MAIL, False), (without, True), (None, True)):
        watched = fleet(tmp_path, 3, **{**MONITORING["two"], "mail": mail})
        told = monitoring_variables(watched, watched.hosts["two"])["alertmanager"]
        password = "/etc/prometheus/podfleet-alertmanager/mail-password"
        assert told["unwanted"] == ([password] if goes else [])
        assert (password in {entry["path"] for entry in told["files"]}) is not goes


def test_a_fleet_that_nobody_watches(tmp_path: Path, secrets: dict[str, str]) -> None:
    unwatched = fleet(tmp_path, 1)
    host = unwatched.hosts["one"]
    assert monitoring_files(unwatched, host, secrets) == []
    assert monitoring_packages(unwatched, host) == []
    for config in monitoring_variables(unwatched, host).values():
        assert not config.pop("is_wanted")
        assert not any(config.values())


def test_memory_follows_from_the_host() -> None:
    """A small server with pods keeps to what all of monitoring may hold; one without has more."""
    small = Host.model_validate({"name": "one", "memory": "1 GiB"})
    large = Host.model_validate({"name": "one", "memory": "8 GiB"})
    assert monitoring_sizes(small, 1).prometheus_mb <= 128
    assert monitoring_sizes(large, 1).prometheus_mb == 1024
    assert monitoring_sizes(large, 0).prometheus_mb == 4096
    for one in (small, large):
        told = monitoring_sizes(one, 1)
        assert told.prometheus_mb * 2 < told.prometheus_max_mb < one.memory >> 20


@pytest.mark.parametrize(
    ("smarthost", "needs_starttls"),
    [
        ("mail.example.org:25", True),
        ("mail.example.org:587", True),
        # TLS from the first byte: nobody offers STARTTLS inside it, and Alertmanager would refuse.
        ("mail.example.org:465", False),
        ("[2001:db8::1]:587", True),
        ("localhost:25", False),
        ("[::1]:587", False),
    ],
)
def test_starttls_is_wanted_where_it_can_be_offered(
    tmp_path: Path, secrets: dict[str, str], smarthost: str, needs_starttls: bool
) -> None:
    told = {**MONITORING["two"], "mail": {**MAIL, "smarthost": smarthost}}
    files = staged(tmp_path, fleet(tmp_path, 3, **told), "two", secrets)
    alerts = relocated(files, "/etc/prometheus/podfleet-alertmanager/alertmanager.yml")
    assert "SUCCESS" in said("amtool", "check-config", alerts)
    assert yaml.safe_load(alerts.read_text())["global"]["smtp_require_tls"] is needs_starttls


def test_a_mail_servers_user_needs_a_password(tmp_path: Path, secrets: dict[str, str]) -> None:
    watched = fleet(tmp_path, 3, **MONITORING["two"])
    host = watched.hosts["two"]
    with pytest.raises(Refusal, match="no password"):
        monitoring_files(watched, host, {**secrets, "mail_password": ""})
    # A plan of what is not there yet only reads, and has no secrets at all.
    assert monitoring_files(watched, host, dict.fromkeys(secrets, ""))


def test_a_webhook_that_is_a_secret_comes_from_the_vault(
    tmp_path: Path, secrets: dict[str, str]
) -> None:
    watched = fleet(tmp_path, 3, **{**MONITORING["two"], "webhook": "vault"})
    files = staged(tmp_path, watched, "two", secrets)
    alerts = relocated(files, "/etc/prometheus/podfleet-alertmanager/alertmanager.yml")
    assert "SUCCESS" in said("amtool", "check-config", alerts)
    (receiver,) = yaml.safe_load(alerts.read_text())["receivers"]
    assert receiver["webhook_configs"][0]["url"] == HOOK
    host = watched.hosts["two"]
    with pytest.raises(Refusal, match=r"monitoring\.webhook: the vault has no URL for it"):
        monitoring_files(watched, host, {**secrets, "webhook": "not one"})
    assert monitoring_files(watched, host, dict.fromkeys(secrets, ""))


def test_a_host_without_an_address_cannot_be_asked(tmp_path: Path, secrets: dict[str, str]) -> None:
    watched = fleet(tmp_path, 3, **MONITORING["two"])
    lost = watched.with_hosts({"one": Host.model_validate({"name": "one", "memory": "4 GiB"})})
    with pytest.raises(Refusal, match="no address"):
        monitoring_files(lost, lost.hosts["two"], secrets)
