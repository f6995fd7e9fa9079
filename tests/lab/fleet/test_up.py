"""The main job on real guests: one command from a fleet file to pods that federate.

The tests of this file run in their order.
"""

from __future__ import annotations

import pytest

from tests.lab.standing import Standing

PODS = ("alpha", "beta", "gamma")


def test_one_pod_of_a_fleet_is_launched_alone(bare: Standing) -> None:
    """Its partners are introduced when they come, from whichever host."""
    ran = bare.podfleet("up", "--pod", "gamma", "--json")
    assert ran.json["pairs"] == []
    states = {pod["name"]: pod["state"] for pod in bare.podfleet("status", "--json").json["pods"]}
    assert states == {"alpha": "absent", "beta": "absent", "gamma": "serving"}


def test_up_ends_with_a_post_seen_between_all_pairs(bare: Standing) -> None:
    ran = bare.podfleet("up", "--json")
    pairs = {(pair["from"], pair["to"]): pair for pair in ran.json["pairs"]}
    assert set(pairs) == {(a, b) for a in PODS for b in PODS if a != b}
    for pair in pairs.values():
        assert pair["state"] == "ok"
        assert pair["arrival_seconds"] < 10
        assert pair["retraction_seconds"] is not None


def test_a_second_up_has_nothing_to_do(standing: Standing) -> None:
    ran = standing.podfleet("up", "--json")
    assert ran.json["nothing_to_do"] is True
    assert ran.json["pairs"] == []


def test_the_promised_shapes(standing: Standing) -> None:
    status = standing.podfleet("status", "--json").json
    assert [(h["name"], h["reachable"], h["platform_level"]) for h in status["hosts"]] == [
        ("one", True, 1),
        ("two", True, 1),
    ]
    for pod in status["pods"]:
        assert (pod["state"], pod["release"], pod["operation"]) == ("serving", "1.0.0.0", None)
        assert pod["url"] == f"https://{pod['name']}.lab.test"
    info = standing.podfleet("lab info", "--json").json
    assert set(info) == {"ca", "hosts", "pods"}
    assert set(info["pods"]["alpha"]) == {"url", "host", "address"}
    assert set(info["hosts"]["one"]) == {"address", "ssh"}


DRIFT = {
    "a vhost edited by hand": (
        ["sh", "-c", "echo '# by hand' >>/etc/nginx/sites-enabled/pod-alpha.conf"],
        "pod-alpha.conf was edited by hand",
    ),
    "a secret made readable": (
        ["chmod", "0644", "/srv/pods/alpha/shared/keys/oidc_key.pem"],
        "oidc_key.pem has mode 0644",
    ),
    "a sidekiq stopped by hand": (
        ["sh", "-c", "systemctl stop 'pod-alpha-sidekiq@*.service'"],
        "sidekiq",
    ),
}


@pytest.mark.parametrize("harm", DRIFT)
def test_what_a_hand_altered_is_named_and_mended(standing: Standing, harm: str) -> None:
    command, named = DRIFT[harm]
    standing.on("one", *command)
    plan = standing.podfleet("plan", "--json").json
    (alpha,) = [pod for pod in plan["pods"] if pod["name"] == "alpha"]
    assert alpha["action"] == "configure"
    assert any(named in reason for reason in alpha["reasons"]), alpha["reasons"]
    assert [p["action"] for p in plan["pods"] if p["name"] != "alpha"] == ["nothing", "nothing"]
    standing.podfleet("up", "--pod", "alpha")
    assert standing.podfleet("plan", "--json").json["nothing_to_do"] is True
    assert standing.podfleet("status", "--json").json["pods"][0]["state"] == "serving"


def test_a_changed_setting_restarts_only_what_it_touches(standing: Standing) -> None:
    before = _started(standing)
    standing.edit('pod_name = "Gamma"', 'pod_name = "Gämma \\"$(id)\\" {{ 7 * 7 }}"')
    (gamma,) = [p for p in standing.podfleet("plan", "--json").json["pods"] if p["effects"]]
    assert gamma["name"] == "gamma"
    assert {effect["action"] for effect in gamma["effects"]} == {"restart"}
    assert all("gamma" in effect["unit"] for effect in gamma["effects"])
    standing.podfleet("configure", "--pod", "gamma")
    after = _started(standing)
    assert {unit for unit in after if before[unit] != after[unit]} == {"web", "sidekiq"}
    page = standing.podfleet("exec", "gamma", "--", "cat", "config/diaspora.toml").stdout
    assert "{{ 7 * 7 }}" in page and "$(id)" in page and "Gämma" in page


def test_of_uploads_only_what_is_a_file_here_is_served(standing: Standing) -> None:
    """A link leads nowhere, and diaspora* itself answers for what is not here."""
    uploads = "/srv/pods/alpha/shared/uploads"
    made = f"echo hello >{uploads}/here.txt; ln -s /etc/hostname {uploads}/link.txt"
    standing.on("one", "sh", "-euc", made)
    try:
        answers = [_asked(standing, name) for name in ("here.txt", "link.txt", "none.txt")]
    finally:
        standing.on("one", "rm", f"{uploads}/here.txt", f"{uploads}/link.txt")
    assert answers == ["200 ", "404 rails", "404 rails"]


def _asked(fleet: Standing, name: str) -> str:
    """The status, and `rails` where that is who answered."""
    argv = ["curl", "-sk", "--connect-to", "::127.0.0.1:", "-o", "/dev/null"]
    told = "%{http_code} %header{x-request-id}"
    url = f"https://alpha.lab.test/uploads/{name}"
    status, _, request = fleet.on("one", *argv, "-w", told, url).partition(" ")
    return f"{status} {'rails' if request.strip() else ''}"


def _started(fleet: Standing) -> dict[str, str]:
    """When gamma's processes and their neighbours were started."""
    found = {}
    for kind, pattern in {
        "web": "pod-gamma-web@*.service",
        "sidekiq": "pod-gamma-sidekiq@*.service",
        "redis": "redis-server@pod-gamma.service",
        "nginx": "nginx.service",
    }.items():
        show = ["systemctl", "show", "--value", "--property=ExecMainStartTimestampMonotonic"]
        found[kind] = fleet.on("two", *show, pattern)
    return found


def test_a_changed_domain_is_refused_with_the_reason(standing: Standing) -> None:
    standing.edit('domain = "alpha.lab.test"', 'domain = "renamed.lab.test"')
    try:
        for verb in ("validate", "plan", "up"):
            ran = standing.podfleet(verb, check=False)
            assert ran.code == 1
            assert "launched as alpha.lab.test" in ran.stderr and "cannot change" in ran.stderr
    finally:
        standing.edit('domain = "renamed.lab.test"', 'domain = "alpha.lab.test"')
    assert standing.podfleet("status", "--json").json["pods"][0]["state"] == "serving"


def test_an_unknown_pod_is_refused(standing: Standing) -> None:
    ran = standing.podfleet("plan", "--pod", "delta", check=False)
    assert ran.code == 1
    assert "alpha, beta, gamma" in ran.stderr
