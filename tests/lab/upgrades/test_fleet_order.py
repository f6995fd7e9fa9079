"""Upgrades through a fleet as a user drives them: order, a killed controller, a red, a way back.

The tests share one guest with three pods, and run in their order.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from provision.operations.ledger import LEAST_OVERHEAD_SECONDS
from provision.operations.paths import MIGRATION_SECONDS
from provision.places import CHECKOUT
from tests.lab.standing import Standing

HOSTS = """\
[hosts.one]
provider = "lab"
memory = "2 GiB"

[hosts.two]
provider = "lab"
memory = "1 GiB"
"""
ONE_HOST = """\
[upgrade]
gate = "2s"
wait = "4s"
parallel = 2

[hosts.one]
provider = "lab"
memory = "4 GiB"
"""
FIRST, PLAIN, ANSWERS_500 = "1.0.0.0", "1.1.0.0", "1.1.0.2"
EXPAND, BREAKING = "1.2.0.0", "1.3.0.0"
OLD_NAME = 'source_url = "https://example.org/source"'
NEW_NAME = 'source_code_url = "https://example.org/source"'


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    standing = Standing.copied("lab", tmp_path_factory.mktemp("order"), "order")
    standing.edit(HOSTS, ONE_HOST)
    standing.edit('host = "two"', 'host = "one"')
    try:
        standing.podfleet("up")
        yield standing
    finally:
        standing.podfleet("lab down", "--purge", "--yes")


def running(fleet: Standing) -> dict[str, tuple[str, str]]:
    pods = fleet.podfleet("status", "--json").json["pods"]
    return {pod["name"]: (pod["release"], pod["state"]) for pod in pods}


def notes(fleet: Standing) -> dict[str, list[str]]:
    """What the plan notes of each pod; nothing may be to be done on any."""
    plan = fleet.podfleet("plan", "--json").json
    assert {pod["action"] for pod in plan["pods"]} == {"nothing"}, plan
    return {pod["name"]: pod["notes"] for pod in plan["pods"]}


def foreseen(fleet: Standing, pod: str) -> dict[str, Any]:
    """What the plan foretells of the upgrade that the fleet file asks for."""
    pods = fleet.podfleet("plan", "--json").json["pods"]
    (found,) = [one["upgrade"] for one in pods if one["name"] == pod]
    assert isinstance(found, dict)
    return found


def outcomes(told: Any) -> dict[str, str]:
    return {one["pod"]: one["outcome"] for one in told["pods"]}


def test_a_dry_run_begins_nothing(fleet: Standing) -> None:
    fleet.podfleet("upgrade", "--to", PLAIN, "--dry-run")
    assert running(fleet) == dict.fromkeys(("alpha", "beta", "gamma"), (FIRST, "serving"))
    assert fleet.podfleet("history", "--json").json == []
    assert PLAIN not in fleet.file.read_text()


def test_a_rerun_goes_on_where_a_killed_controller_stopped(fleet: Standing) -> None:
    """The lead pod is upgraded alone, its host finishes that by itself; then the two others."""
    _killed_once_under_way(fleet, "alpha", "--to", PLAIN)
    assert fleet.file.read_text().count(f'release = "{PLAIN}"') == 3
    told = fleet.podfleet("upgrade", "--json").json
    assert outcomes(told) == {"beta": "done", "gamma": "done"}
    assert running(fleet) == dict.fromkeys(("alpha", "beta", "gamma"), (PLAIN, "serving"))
    ledger = {one["pod"]: one for one in fleet.podfleet("history", "--json").json}
    assert [one["outcome"] for one in ledger.values()] == ["done"] * 3
    began = {pod: one["operation"] for pod, one in ledger.items()}
    assert began["alpha"] < min(began["beta"], began["gamma"])
    # Side by side: the later one of them began before the earlier one was done.
    assert _compact(ledger["beta"]["at"]) > began["gamma"][:15]
    assert _compact(ledger["gamma"]["at"]) > began["beta"][:15]


def test_afterwards_nothing_is_to_be_done(fleet: Standing) -> None:
    assert fleet.podfleet("upgrade").stdout == "Nothing to upgrade.\n"
    assert notes(fleet) == {"alpha": [], "beta": [], "gamma": []}
    # As its owner would have written it.
    assert "# The lab: two throw-away hosts" in fleet.file.read_text()


def test_a_red_lead_pod_stops_the_fleet(fleet: Standing) -> None:
    ran = fleet.podfleet("upgrade", "--to", ANSWERS_500, "--json", check=False)
    assert ran.code == 1
    assert outcomes(ran.json) == {
        "alpha": "failed",
        "beta": "not attempted",
        "gamma": "not attempted",
    }
    assert "500" in ran.stderr
    assert running(fleet) == dict.fromkeys(("alpha", "beta", "gamma"), (PLAIN, "serving"))


def test_what_was_refused_is_remembered_and_no_up_tries_it_again(fleet: Standing) -> None:
    said = notes(fleet)
    assert "was refused on" in said["alpha"][0]
    assert "run podfleet upgrade --pod beta" in said["beta"][0]
    up = fleet.podfleet("up", "--json").json
    assert {pod["action"] for pod in up["pods"]} == {"nothing"}
    assert [one["outcome"] for one in _of(fleet, "alpha")] == ["done", "refused"]
    assert fleet.podfleet("upgrade", "--to", PLAIN).stdout == "Nothing to upgrade.\n"
    assert notes(fleet) == {"alpha": [], "beta": [], "gamma": []}


def test_a_renamed_setting_is_said_before_anything_is_touched(fleet: Standing) -> None:
    fleet.edit('{ pod_name = "Gamma",', f'{{ pod_name = "Gamma", {OLD_NAME},')
    fleet.podfleet("up", "--pod", "gamma")
    before = fleet.file.read_text()
    refused = fleet.podfleet("upgrade", "--pod", "gamma", "--to", BREAKING, check=False)
    assert refused.code == 1 and "settings.source_code_url" in refused.stderr
    assert fleet.file.read_text() == before
    assert len(_of(fleet, "gamma")) == 1


def test_a_setting_of_the_release_to_come_waits_for_its_upgrade(fleet: Standing) -> None:
    fleet.edit(OLD_NAME, NEW_NAME)
    text = fleet.file.read_text()
    head, gamma = text.split("[pods.gamma]")
    fleet.file.write_text(f"{head}[pods.gamma]{gamma.replace(PLAIN, BREAKING)}")
    (release, setting, *foretold) = notes(fleet)["gamma"]
    assert "run podfleet upgrade --pod gamma" in release
    assert setting.startswith("settings.source_code_url: of 1.3.0.0, applied by the upgrade")
    # What it means is known where its artifact is stored, as other tests may have left it.
    is_stored = foreseen(fleet, "gamma")["path"] is not None
    first = "path breaking" if is_stored else "it would be built first"
    assert foretold[0].startswith(f"the upgrade: {first}")
    assert is_stored or len(foretold) == 1


def test_a_rehearsal_says_what_the_upgrade_would_cost_and_leaves_nothing(fleet: Standing) -> None:
    before, kept = _of(fleet, "gamma"), _kept(fleet, "gamma")
    (told,) = fleet.podfleet("upgrade", "--rehearse", "--json").json["pods"]
    assert (told["pod"], told["outcome"], told["path"]) == ("gamma", "rehearsed", "breaking")
    found = told["rehearsal"]
    assert [one["version"] for one in found["migrations"]] == told["pending"]
    for key in ("dump_seconds", "copy_seconds", "migrator_peak_mb", "disk_peak_bytes"):
        assert found[key] > 0, key
    assert found["disk_peak_bytes"] > found["database_bytes"] / 2
    assert told["predicted_seconds"] > 0
    assert running(fleet)["gamma"] == (PLAIN, "serving")
    assert (_of(fleet, "gamma"), _kept(fleet, "gamma")) == (before, kept)
    said = notes(fleet)["gamma"]
    assert any(line.startswith("the upgrade: predicted to hold requests") for line in said)
    assert foreseen(fleet, "gamma")["path"] == "breaking"


def test_an_upgrade_takes_the_setting_with_it(fleet: Standing) -> None:
    (told,) = fleet.podfleet("upgrade", "--json").json["pods"]
    assert (told["pod"], told["outcome"], told["path"]) == ("gamma", "done", "breaking")
    assert told["closed_seconds"] > 0 and told["predicted_seconds"] > 0
    assert notes(fleet)["gamma"] == []


def test_a_rollback_leaves_a_file_that_can_be_loaded(fleet: Standing) -> None:
    """The file's settings are those of the newer release: podfleet says so, and changes nothing."""
    before = fleet.file.read_text()
    ran = fleet.podfleet("rollback", "--pod", "gamma", "--json")
    (told,) = ran.json["pods"]
    assert told["to"].startswith(PLAIN) and told["outcome"] == "done"
    assert "stays 1.3.0.0: 1.1.0.0 does not know the file's" in ran.stderr
    assert fleet.file.read_text() == before
    assert running(fleet)["gamma"] == (PLAIN, "serving")
    assert any("settings.source_code_url" in note for note in notes(fleet)["gamma"])
    pairs = fleet.podfleet("canary", "--json").json["pairs"]
    assert [pair["state"] for pair in pairs] == ["ok"] * 6


def test_the_plan_foretells_by_what_the_pods_own_upgrades_cost(fleet: Standing) -> None:
    told = foreseen(fleet, "gamma")
    cost = next(one for one in _of(fleet, "gamma") if one["path"] == "breaking")
    beside = cost["closed_seconds"] - cost["copy_seconds"] - cost["migrate_seconds"]
    migrations = MIGRATION_SECONDS * len(told["pending"])
    # The database is so small that copying it takes next to nothing.
    expected = max(LEAST_OVERHEAD_SECONDS, beside) + migrations
    assert told["predicted_seconds"] == pytest.approx(expected, abs=0.1)


def test_a_rollback_is_written_into_the_file(fleet: Standing) -> None:
    ran = fleet.podfleet("rollback", "--pod", "beta", "--json")
    assert ran.json["pods"][0]["to"].startswith(FIRST)
    assert fleet.fleet().pods["beta"].release == FIRST
    assert notes(fleet)["beta"] == []


def test_an_upgrade_leads_back_over_a_migration_that_old_code_can_live_with(
    fleet: Standing,
) -> None:
    for version, path in ((EXPAND, "expand"), (PLAIN, "plain")):
        ran = fleet.podfleet("upgrade", "--pod", "beta", "--to", version, "--json")
        (told,) = ran.json["pods"]
        assert (told["outcome"], told["path"]) == ("done", path)
    assert running(fleet)["beta"] == (PLAIN, "serving")


def test_what_is_kept_is_listed_and_pruned(fleet: Standing) -> None:
    listed = fleet.podfleet("releases", "--pod", "gamma", "--json").json
    (newer,) = [one["id"] for one in listed if one["kind"] == "database" and "1.3" in one["why"]]
    fleet.podfleet("releases", "--pod", "gamma", "--prune")
    left = fleet.podfleet("releases", "--pod", "gamma", "--json").json
    assert newer in [one["id"] for one in left], "what it keeps of people goes by its name alone"
    assert all(one["why"] for one in left)
    gone = fleet.podfleet("releases", "--pod", "gamma", "--prune", "--accept", newer, "--json").json
    assert newer in [one["id"] for one in gone]


def test_without_postgresql_nothing_is_listed_and_it_says_why(fleet: Standing) -> None:
    text = fleet.file.read_text()
    head, beta = text.split("[pods.beta]")
    fleet.file.write_text(f"{head}[pods.beta]{beta.replace(PLAIN, EXPAND, 1)}")
    fleet.on("one", "systemctl", "stop", "postgresql@17-main.service")
    try:
        listed = fleet.podfleet("releases", "--pod", "gamma", check=False)
        planned = fleet.podfleet("plan", "--pod", "beta", "--json").json["pods"][0]["notes"]
    finally:
        fleet.on("one", "systemctl", "start", "postgresql@17-main.service")
    assert listed.code == 1 and "`podfleet status`" in listed.stderr
    assert "Traceback" not in listed.stderr
    assert any(note.startswith("the upgrade is not to be had yet: ") for note in planned)
    assert foreseen(fleet, "beta")["path"] == "plain"


def _of(fleet: Standing, pod: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = fleet.podfleet("history", "--pod", pod, "--json").json
    return told


def _kept(fleet: Standing, pod: str) -> set[str]:
    """The databases and releases that the pod has on its host."""
    listed = fleet.podfleet("releases", "--pod", pod, "--json").json
    return {one["id"] for one in listed if one["kind"] in ("database", "release")}


def _compact(at: str) -> str:
    """An ISO date as operations' ids begin."""
    return at[:19].replace("-", "").replace(":", "")


def _killed_once_under_way(fleet: Standing, pod: str, *arguments: str) -> None:
    argv = [str(CHECKOUT / "podfleet"), "upgrade", "--fleet", str(fleet.directory), *arguments]
    process = subprocess.Popen(
        argv,
        env={**os.environ, "PODFLEET_STATE": str(fleet.state)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not _is_under_way(fleet, pod):
            assert process.poll() is None, "it ended before anything was under way"
            assert time.monotonic() < deadline
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_under_way(fleet: Standing, pod: str) -> bool:
    pods = fleet.podfleet("status", "--json").json["pods"]
    return any(one["name"] == pod and one["operation"] for one in pods)
