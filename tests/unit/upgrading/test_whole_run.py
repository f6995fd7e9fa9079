"""A run up to the first operation: what happens before it, and what is written when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision import upgrading
from provision.errors import Refusal, Refusals
from provision.fleet.loading import load_fleet
from provision.fleet.model import Fleet
from provision.foreseeing import Foreseen
from provision.looking import Seen
from provision.operations import dispatch
from provision.targets import Target, Wish
from provision.upgrading import Run, Upgraded, look_ahead, upgrade
from tests.unit.upgrading.fleets import Told, pod_facts, seen, upgrade_operation, written

UNDER_WAY = upgrade_operation(finished=False, exit=None)


class Vault:
    def ensure_fleet(self) -> None:
        pass

    def need_keys(self, pod: str) -> None:
        pass


class Built:
    release_id = "1.1.0.0-11111111"


class World:
    """The hosts' answers in turn, and what the run did, in its order."""

    def __init__(self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fleet = fleet
        self.answers: list[dict[str, Seen]] = [seen(fleet)]
        self.happened: list[str] = []
        self.build: Refusal | None = None
        self.awaited: Refusal | None = None
        monkeypatch.setattr(upgrading, "look", self._look)
        monkeypatch.setattr(upgrading, "open_vault", lambda _: Vault())
        monkeypatch.setattr(upgrading, "ensure_artifact", self._build)
        monkeypatch.setattr(upgrading, "warn_of_runtimes", lambda *_: None)
        monkeypatch.setattr(upgrading, "name_release", self._name)
        monkeypatch.setattr(upgrading, "_one", self._one)
        monkeypatch.setattr(dispatch, "follow", self._follow)

    def _look(self, *_: object) -> dict[str, Seen]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _build(self, pod: Any, *_: object, architecture: str) -> Any:
        self.happened.append(f"build {pod.name} {pod.release}")
        if self.build:
            raise self.build
        return Built

    def _name(self, fleet: Fleet, pod: Any, version: str, report: object) -> None:
        self.happened.append(f"name {pod.name} {version}")

    def _one(self, run: Run, target: Target, artifact: Any) -> Upgraded:
        self.happened.append(f"upgrade {target.pod.name}")
        return Upgraded("id", artifact.release_id, {}, {"outcome": "done"})

    def _follow(self, connection: object, pod: str, operation: str, report: object) -> None:
        self.happened.append(f"await {pod}")
        if self.awaited:
            raise self.awaited

    def run(self, *pods: str, **wish: Any) -> list[str]:
        fleet = load_fleet(str(self.fleet.file))
        upgrade(fleet, Told(), Wish(**wish), pods=pods)
        return self.happened


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    fleet = written(tmp_path, release="1.0.0.0")
    file = fleet.file
    file.write_text(file.read_text().replace('wait = "10m"', "wait = 0"))
    return World(load_fleet(str(file)), monkeypatch)


def test_all_is_built_before_the_file_is_written_and_that_before_anything_begins(
    world: World,
) -> None:
    assert world.run("alpha", "beta", to="1.1.0.0") == [
        "build alpha 1.1.0.0",
        "build beta 1.1.0.0",
        "name alpha 1.1.0.0",
        "name beta 1.1.0.0",
        "upgrade beta",
        "upgrade alpha",
    ]


def test_a_release_that_cannot_be_built_leaves_file_and_pods_alone(world: World) -> None:
    world.build = Refusal("build", "there is no such tag", "Name another.")
    with pytest.raises(Refusal, match="no such tag"):
        world.run(to="1.1.0.0")
    assert world.happened == ["build alpha 1.1.0.0"]


def test_what_speaks_against_it_leaves_them_alone_too(world: World) -> None:
    world.answers = [seen(world.fleet, level=0)]
    with pytest.raises(Refusals, match="platform has level 0"):
        world.run(to="1.1.0.0")
    assert world.happened == []


def test_a_rehearsal_writes_nothing(world: World) -> None:
    assert world.run("gamma", to="1.1.0.0", rehearse=True) == [
        "build gamma 1.1.0.0",
        "upgrade gamma",
    ]


def test_going_back_to_what_runs_only_mends_the_file(world: World) -> None:
    """After a red gate: the file names the refused release, the pod runs the one before."""
    assert world.run("gamma", to="1.0.0.0") == ["name gamma 1.0.0.0"]


def test_the_same_build_is_not_upgraded_to_even_deeply(world: World) -> None:
    world.answers = [seen(world.fleet, {"gamma": pod_facts("gamma.lab.test", Built.release_id)})]
    assert world.run("gamma", to="1.1.0.0", deep=True) == [
        "build gamma 1.1.0.0",
        "name gamma 1.1.0.0",
    ]


def lead_is(state: str, world: World) -> dict[str, Seen]:
    lead = pod_facts("beta.lab.test", "1.1.0.0-11111111", state=state)
    return seen(world.fleet, {"beta": lead})


def test_a_rerun_goes_on_only_where_the_lead_pod_serves(world: World) -> None:
    world.answers = [lead_is("down", world)]
    with pytest.raises(Refusal, match=r"pod beta: the lead pod is down: no other .* with --pod"):
        world.run(to="1.1.0.0")
    assert world.happened == []
    assert world.run("gamma", to="1.1.0.0", rehearse=True)
    assert "upgrade gamma" in world.run("gamma", to="1.1.0.0")


def test_a_lead_pod_that_is_not_to_be_upgraded_and_serves_holds_nobody_up(world: World) -> None:
    world.answers = [lead_is("serving", world)]
    assert "upgrade gamma" in world.run(to="1.1.0.0")


def under_way(world: World) -> dict[str, Seen]:
    return seen(world.fleet, {"beta": pod_facts("beta.lab.test", operation=UNDER_WAY)})


def test_what_another_run_began_is_awaited_and_counts(world: World) -> None:
    after = seen(world.fleet, {"beta": pod_facts("beta.lab.test", "1.1.0.0-11111111")})
    world.answers = [under_way(world), after]
    assert world.run("alpha", "beta", to="1.1.0.0") == [
        "await beta",
        "build alpha 1.1.0.0",
        "name alpha 1.1.0.0",
        "name beta 1.1.0.0",
        "upgrade alpha",
    ]


def test_what_another_run_began_and_ends_red_stops_this_one(world: World) -> None:
    world.answers = [under_way(world)]
    world.awaited = Refusal("pod beta", "its gate is red", "Look at it.")
    with pytest.raises(Refusals, match="its gate is red"):
        world.run(to="1.1.0.0")
    assert world.happened == ["await beta"]


def test_a_dry_run_awaits_builds_and_writes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "foresee", foreseen)
    world.answers = [under_way(world)]
    found = look_ahead(world.fleet, Told(), Wish(to="1.1.0.0"))
    assert [one.pod for one in found] == ["alpha", "beta", "gamma"]
    assert world.happened == []


def foreseen(target: Target, _: object) -> Foreseen:
    return Foreseen(target.pod.name, target.running, target.pod.release, Built.release_id, {})


def test_a_deep_dry_run_leaves_out_who_runs_that_very_build(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "foresee", foreseen)
    world.answers = [seen(world.fleet, {"beta": pod_facts("beta.lab.test", Built.release_id)})]
    found = look_ahead(world.fleet, Told(), Wish(to="1.1.0.0", deep=True))
    assert [one.pod for one in found] == ["alpha", "gamma"]
