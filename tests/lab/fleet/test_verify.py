"""verify on real pods: all is well, each thing altered by hand is named, and mail is quoted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.fleet.mail_server import mail_server
from tests.lab.standing import Standing

Checks = list[dict[str, Any]]

WEAK = "NoNewPrivileges=no ProtectSystem=no PrivateDevices=no CapabilityBoundingSet=~"
DROP_IN = "/etc/systemd/system/pod-alpha-web@.service.d/weak.conf"

# What is done to host one by hand, and how it is undone; `up` mends the rest.
HARMS = [
    "systemctl stop 'pod-alpha-sidekiq@*.service'",
    "chmod 0644 /srv/pods/alpha/shared/keys/oidc_key.pem",
    "chmod 0755 /srv/pods/alpha",
    f"mkdir -p $(dirname {DROP_IN}) && printf '%s\\n' [Service] {WEAK} >{DROP_IN}"
    " && systemctl daemon-reload",
    "systemd-run --quiet --unit=open-door python3 -m http.server 8080",
    "nft flush ruleset",
    "echo '# by hand' >>/etc/nginx/nginx.conf",
    "echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/00-open.conf",
]
AMENDS = [
    "chmod 0550 /srv/pods/alpha",
    f"rm {DROP_IN} && systemctl daemon-reload",
    "systemctl stop open-door",
    "systemctl restart nftables",
    "rm /etc/ssh/sshd_config.d/00-open.conf",
]

# Check, pod, and words that its evidence must hold.
NAMED = [
    ("platform", None, "nginx.conf was edited by hand"),
    ("ports from outside", None, "8080"),
    ("listening sockets", None, "('tcp', 8080)"),
    ("ssh by key alone", None, "passwordauthentication is yes"),
    ("launched", "alpha", "oidc_key.pem has mode 0644 instead of 0640"),
    ("units", "alpha", "not running: pod-alpha-sidekiq@"),
    ("sandbox", "alpha", "> 1.5"),
    ("secrets", "alpha", "instead of 0550 pod-alpha:pod-alpha"),
    ("isolation", "alpha", "pod-beta could list its files"),
    ("background job", "alpha", "not done within a minute"),
    ("federation", "alpha", "alpha to beta: the post did not arrive in time"),
    ("federation", "beta", "beta to alpha: the post did not arrive in time"),
    ("federation", "gamma", "gamma to alpha: the post did not arrive in time"),
]


def verify(fleet: Standing, *arguments: str) -> Checks:
    ran = fleet.podfleet("verify", "--json", *arguments, check=False)
    assert ran.code in (0, 1) and ran.stdout, ran.stderr
    checks: Checks = ran.json
    assert ran.code == (1 if failed(checks) else 0)
    return checks


def failed(checks: Checks) -> Checks:
    return [check for check in checks if check["outcome"] == "failed"]


def test_everything_is_looked_at_and_well(standing: Standing) -> None:
    checks = verify(standing)
    assert failed(checks) == []
    assert {check["check"] for check in checks if check["outcome"] == "skipped"} == {"mail"}
    assert all(check.keys() == {"check", "pod", "host", "outcome", "evidence"} for check in checks)
    of_alpha = {check["check"] for check in checks if check["pod"] == "alpha"}
    assert of_alpha == {
        "launched", "units", "sandbox", "secrets", "isolation", "background job", "mail",
        "tls", "nodeinfo", "page", "asset", "photo upload", "federation",
    }  # fmt: skip
    of_one = {check["check"] for check in checks if (check["pod"], check["host"]) == (None, "one")}
    assert of_one == {
        "platform", "host units", "ports from outside", "listening sockets",
        "databases not on tcp", "host secrets", "ssh by key alone",
    }  # fmt: skip


@pytest.fixture
def harmed(standing: Standing) -> Iterator[Standing]:
    for harm in HARMS:
        standing.on("one", "sh", "-c", harm)
    try:
        yield standing
    finally:
        for amend in AMENDS:
            standing.on("one", "sh", "-c", amend)
        standing.podfleet("up", "--yes")


def test_each_thing_altered_by_hand_is_named(harmed: Standing) -> None:
    found = failed(verify(harmed))
    assert {(check["check"], check["pod"]) for check in found} == {each[:2] for each in NAMED}
    for name, pod, words in NAMED:
        (check,) = [one for one in found if (one["check"], one["pod"]) == (name, pod)]
        assert words in check["evidence"]


def test_after_up_all_is_well_again(standing: Standing) -> None:
    assert failed(verify(standing)) == []


def test_one_pod_alone_can_be_verified(standing: Standing) -> None:
    checks = verify(standing, "--pod", "gamma")
    assert {check["pod"] for check in checks} == {None, "gamma"}
    assert {check["host"] for check in checks} == {"two"}


def test_a_host_that_is_off_fails_with_its_pods_and_comes_back(standing: Standing) -> None:
    standing.podfleet("lab kill", "two")
    try:
        found = failed(verify(standing, "--host", "two"))
        assert [(check["check"], check["pod"]) for check in found] == [
            ("reachable", None),
            ("reachable", "gamma"),
        ]
    finally:
        standing.podfleet("lab boot", "two")
    standing.on("two", "systemctl", "is-system-running", "--wait", check=False)
    assert failed(verify(standing, "--host", "two")) == []


MAIL = """
[pods.gamma.diaspora.mail]
enable = true
sender_address = "noreply@gamma.lab.test"
method = "smtp"
smtp = {{ host = "{host}", port = {port}, authentication = "none", starttls_auto = false }}
"""

VERDICTS = {
    "250 2.0.0 taken as 4711": "passed",
    "554 5.7.1 not from you": "failed",
}


def test_mail_server_is_quoted(standing: Standing) -> None:
    address = standing.podfleet("lab info", "--json").json["hosts"]["two"]["address"]
    gateway = f"{address.rpartition('.')[0]}.1"
    with mail_server(gateway, "") as server:
        settings = MAIL.format(host=gateway, port=server.port)
        before = standing.file.read_text()
        standing.file.write_text(before + settings)
        standing.podfleet("configure", "--pod", "gamma", "--yes")
        for verdict, outcome in VERDICTS.items():
            server.verdict = verdict
            checks = verify(standing, "--pod", "gamma")
            (mail,) = [check for check in checks if check["check"] == "mail"]
            assert (mail["outcome"], verdict in mail["evidence"]) == (outcome, True), mail
    standing.file.write_text(before)
    standing.podfleet("configure", "--pod", "gamma", "--yes")
    assert len(server.messages) == len(VERDICTS)
    assert all("To: carol@gamma.lab.test" in message for message in server.messages)
