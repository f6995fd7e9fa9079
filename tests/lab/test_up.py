"""The main job on real guests: one command from a fleet file to pods that federate.

The tests of this file share one fleet that stands up, and run in their order.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.standing import Standing

PODS = ("alpha", "beta", "gamma")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    standing = Standing.copied("lab", tmp_path_factory.mktemp("up"), "standing")
    yield standing
    standing.podfleet("lab down", "--purge", "--yes")


@pytest.fixture(scope="module")
def stood(fleet: Standing) -> Standing:
    fleet.podfleet("up")
    return fleet


def test_one_pod_of_a_fleet_is_launched_alone(fleet: Standing) -> None:
    """Its partners are introduced when they come, from whichever host."""
    ran = fleet.podfleet("up", "--pod", "gamma", "--json")
    assert ran.json["pairs"] == []
    states = {pod["name"]: pod["state"] for pod in fleet.podfleet("status", "--json").json["pods"]}
    assert states == {"alpha": "absent", "beta": "absent", "gamma": "serving"}


def test_up_ends_with_a_post_seen_between_all_pairs(fleet: Standing) -> None:
    ran = fleet.podfleet("up", "--json")
    pairs = {(pair["from"], pair["to"]): pair for pair in ran.json["pairs"]}
    assert set(pairs) == {(a, b) for a in PODS for b in PODS if a != b}
    for pair in pairs.values():
        assert pair["state"] == "ok"
        assert pair["arrival_seconds"] < 10
        assert pair["retraction_seconds"] is not None


def test_a_second_up_has_nothing_to_do(stood: Standing) -> None:
    ran = stood.podfleet("up", "--json")
    assert ran.json["nothing_to_do"] is True
    assert ran.json["pairs"] == []


def test_the_promised_shapes(stood: Standing) -> None:
    status = stood.podfleet("status", "--json").json
    assert [(h["name"], h["reachable"], h["platform_level"]) for h in status["hosts"]] == [
        ("one", True, 1),
        ("two", True, 1),
    ]
    for pod in status["pods"]:
        assert (pod["state"], pod["release"], pod["operation"]) == ("serving", "1.0.0.0", None)
        assert pod["url"] == f"https://{pod['name']}.lab.test"
    info = stood.podfleet("lab info", "--json").json
    assert set(info) == {"ca", "hosts", "pods"}
    assert set(info["pods"]["alpha"]) == {"url", "host", "address"}
    assert set(info["hosts"]["one"]) == {"address", "ssh"}


def test_verify_finds_nothing_wrong(stood: Standing) -> None:
    checks = stood.podfleet("verify", "--json").json
    assert [check for check in checks if check["outcome"] == "failed"] == []
    skipped = {check["check"] for check in checks if check["outcome"] == "skipped"}
    assert skipped <= {"mail"}, "only mail is off in the lab"
    assert {pod for check in checks if (pod := check["pod"])} == set(PODS)


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
def test_what_a_hand_altered_is_named_and_mended(stood: Standing, harm: str) -> None:
    command, named = DRIFT[harm]
    stood.on("one", *command)
    plan = stood.podfleet("plan", "--json").json
    (alpha,) = [pod for pod in plan["pods"] if pod["name"] == "alpha"]
    assert alpha["action"] == "configure"
    assert any(named in reason for reason in alpha["reasons"]), alpha["reasons"]
    assert [p["action"] for p in plan["pods"] if p["name"] != "alpha"] == ["nothing", "nothing"]
    stood.podfleet("up", "--pod", "alpha")
    assert stood.podfleet("plan", "--json").json["nothing_to_do"] is True
    assert stood.podfleet("status", "--json").json["pods"][0]["state"] == "serving"


def test_a_changed_setting_restarts_only_what_it_touches(stood: Standing) -> None:
    before = _started(stood)
    stood.edit('pod_name = "Gamma"', 'pod_name = "Gämma \\"$(id)\\" {{ 7 * 7 }}"')
    (gamma,) = [p for p in stood.podfleet("plan", "--json").json["pods"] if p["effects"]]
    assert gamma["name"] == "gamma"
    assert {effect["action"] for effect in gamma["effects"]} == {"restart"}
    assert all("gamma" in effect["unit"] for effect in gamma["effects"])
    stood.podfleet("configure", "--pod", "gamma")
    after = _started(stood)
    assert {unit for unit in after if before[unit] != after[unit]} == {"web", "sidekiq"}
    page = stood.podfleet("exec", "gamma", "--", "cat", "config/diaspora.toml").stdout
    assert "{{ 7 * 7 }}" in page and "$(id)" in page and "Gämma" in page


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


def test_a_changed_domain_is_refused_with_the_reason(stood: Standing) -> None:
    stood.edit('domain = "alpha.lab.test"', 'domain = "renamed.lab.test"')
    try:
        for verb in ("validate", "plan", "up"):
            ran = stood.podfleet(verb, check=False)
            assert ran.code == 1
            assert "launched as alpha.lab.test" in ran.stderr and "cannot change" in ran.stderr
    finally:
        stood.edit('domain = "renamed.lab.test"', 'domain = "alpha.lab.test"')
    assert stood.podfleet("status", "--json").json["pods"][0]["state"] == "serving"


def test_an_unknown_pod_is_refused(stood: Standing) -> None:
    ran = stood.podfleet("plan", "--pod", "delta", check=False)
    assert ran.code == 1
    assert "alpha, beta, gamma" in ran.stderr
