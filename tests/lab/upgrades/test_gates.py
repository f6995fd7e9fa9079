"""The gates of an upgrade on real hosts: two pods whose canaries fly from the pod's own host."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.fleet.upgrades import kinds_for
from provision.operations import dispatch
from provision.releases.build import ensure_artifact
from provision.releases.ship import ship
from provision.report import Lines
from provision.staging import stage_pod
from tests.lab.operations.conftest import MakePodLab
from tests.lab.operations.pod_lab import PodLab
from tests.lab.upgrades.on_host import OnHost

POD, HOST, PARTNER, FAR = "alpha", "one", "beta", "two"
GOOD, DEAF = "1.1.0.0", "1.1.0.5"


@pytest.fixture(scope="module")
def lab(make_pod_lab: MakePodLab) -> PodLab:
    lab = make_pod_lab("gates", {POD: HOST, PARTNER: FAR}, HOST, FAR)
    for pod in (POD, PARTNER):
        lab.run(pod, "launch")
        token = dispatch.fetch_canary_token(lab.connection(lab.host_of(pod)), pod)
        lab.vault.set(f"pods.{pod}.canary", token)
    for pod, other in ((POD, PARTNER), (PARTNER, POD)):
        connection = lab.connection(lab.host_of(pod))
        found = dispatch.introduce(connection, pod, [lab.domain(other)])
        assert set(found.values()) == {"followed"}
    return lab


def upgrade(lab: PodLab, version: str, **parameters: Any) -> tuple[str, dict[str, Any]]:
    """The operation's id, and what its gate saw."""
    pod = lab.pod(POD).model_copy(update={"release": version})
    artifact, connection = ensure_artifact(pod, lab.vault, Lines()), lab.connection(HOST)
    ship(artifact, connection)
    asked = {
        "kinds": kinds_for(version), "host_memory_mb": 2048, "gate_seconds": 3,
        "keep_warm_seconds": 3600, **parameters,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as directory:
        staged = stage_pod(
            lab.fleet, pod, artifact.release_id, lab.vault, Path(directory), for_gate=True
        )
        started = dispatch.start(connection, lab.fleet, pod, "upgrade", staged, asked)
    done = lab.follow(POD, started)
    return started, dict(done.evidence["gates"])


def history(lab: PodLab) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(lab.on(HOST, str(dispatch.ENTRY), "history", POD))
    return found


def running(lab: PodLab) -> str:
    record = lab.facts(POD).record
    assert record is not None
    return str(record["release_id"])


def test_a_release_that_drops_what_it_receives_goes_back_by_itself(lab: PodLab) -> None:
    before = running(lab)
    with pytest.raises(Refusal, match=f"{PARTNER} -> {POD}: lost") as red:
        upgrade(lab, DEAF)
    assert "podfleet canary" in str(red.value)
    assert (running(lab), lab.get(POD)) == (before, 200)
    facts = lab.facts(POD)
    assert facts.operation is not None
    assert [one["release_id"].partition("-")[0] for one in facts.refused] == [DEAF]
    kept = PodPlaces(POD).operations / facts.operation.id / "gate.json"
    seen = json.loads(lab.on(HOST, "cat", str(kept)))
    assert seen["looked"] == f"partner {PARTNER}"
    assert {flight["state"] for flight in seen["canaries"]["begin"]} == {"ok", "lost"}
    (entry,) = history(lab)
    assert (entry["outcome"], entry["gate"].partition(":")[0]) == ("rolled back", "gates")


@pytest.fixture
def partner_is_down(lab: PodLab) -> Iterator[None]:
    lab.on(FAR, "systemctl", "stop", "nginx.service")
    yield
    lab.on(FAR, "systemctl", "start", "nginx.service")


@pytest.mark.usefixtures("partner_is_down")
def test_a_partner_that_is_down_is_no_fault_of_the_release(lab: PodLab) -> None:
    _, seen = upgrade(lab, GOOD)
    assert seen["looked"] == "alone"
    assert "does not answer" in seen["excused"]["begin"][f"partner {PARTNER}"]
    assert seen["public_name"]["address"] not in (None, "127.0.0.1", "::1")
    assert running(lab).startswith(GOOD)
    entry = history(lab)[-1]
    assert (entry["outcome"], entry["path"], entry["gate"]) == ("done", "plain", None)
    assert entry["closed_seconds"] is not None


def test_a_rollback_has_the_gate_of_the_upgrade(lab: PodLab) -> None:
    facts = lab.facts(POD)
    assert facts.way_back is not None
    assert facts.way_back["is_warm"]
    asked = {"gate_seconds": 1, "host_memory_mb": 2048}
    started = dispatch.start(lab.connection(HOST), lab.fleet, lab.pod(POD), "rollback", None, asked)
    seen = lab.follow(POD, started).evidence["gates"]
    assert seen["looked"] == f"partner {PARTNER}"
    assert running(lab) == facts.way_back["release_id"]
    assert history(lab)[-1]["verb"] == "rollback"


def test_what_is_kept_warm_is_ended_by_the_hosts_own_timer(lab: PodLab) -> None:
    upgrade(lab, GOOD, gate_seconds=0, refused_ok=True)
    way_back = lab.facts(POD).way_back
    assert way_back is not None
    assert way_back["is_warm"]
    live = running(lab)
    entry = str(dispatch.ENTRY)
    assert "is live, and stays" in lab.on(HOST, entry, "cool", POD, live)
    timers = OnHost(lab, POD).run(
        f"""
        from provision.operations import warming
        release = {way_back["release_id"]!r}
        warming.schedule(places, release, 3600)
        warming.schedule(places, release, 1)
        deadline = time.monotonic() + 20
        while succeeds(["systemctl", "is-active", places.web_unit(release)]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(1)
        result = succeeds(["systemctl", "is-active", warming.timer_unit(places)])
        """
    )
    assert timers is False
    cold = lab.facts(POD).way_back
    assert cold is not None
    assert not cold["is_warm"]
    assert (running(lab), lab.get(POD)) == (live, 200)


def test_the_clock_sees_a_closing_as_a_client_does(lab: PodLab) -> None:
    found = OnHost(lab, POD).run(
        f"""
        from provision.operations import units
        from provision.operations.clock import ClientClock
        quiet, closed = ClientClock({lab.domain(POD)!r}), ClientClock({lab.domain(POD)!r})
        quiet.start()
        time.sleep(1)
        quiet.stop()
        closed.start()
        units.close(places)
        time.sleep(1)
        threading.Timer(1, units.open_up, [places]).start()
        closed.stop()
        result = [quiet.to_json(), closed.to_json()]
        """
    )
    quiet, closed = found
    assert quiet["failed"] == 0
    # A busy machine makes some request slow.
    assert quiet["closed_seconds"] < 1.0
    assert 1.9 <= closed["closed_seconds"] <= 3.0
    assert closed["failed"] > 20


def test_a_pod_that_was_upgraded_retires_with_all_that_was_kept(lab: PodLab) -> None:
    asked = {"gate_seconds": 0, "host_memory_mb": 2048}
    started = dispatch.start(lab.connection(HOST), lab.fleet, lab.pod(POD), "rollback", None, asked)
    lab.follow(POD, started)
    upgrade(lab, GOOD, gate_seconds=0, refused_ok=True)
    way_back = lab.facts(POD).way_back
    assert way_back is not None
    assert way_back["is_warm"]
    lab.run(POD, "retire", domain=lab.domain(POD))
    places = PodPlaces(POD)
    left = lab.on(HOST, "ls", str(places.state)).split()
    assert not {"releases", "partners.json", "refused.json", "canary.json", "pod.json"} & {*left}
    processes = lab.on(HOST, "ps", "-e", "-o", "args")
    assert f"{places.home}/" not in processes
    assert "podfleet-cool" not in lab.on(HOST, "systemctl", "list-units", "--all", "--plain")
