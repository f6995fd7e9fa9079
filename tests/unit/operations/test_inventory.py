"""What a pod keeps, and what goes when it is pruned: the rules, on made-up hosts."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from provision import contract
from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import inventory, releases
from provision.operations.inventory import Keeping

OLDEST, OLD, NEW = "1.0.0.0-00000000", "1.1.0.0-11111111", "1.2.0.0-22222222"


@dataclass
class Host:
    """What is on it; `run` says what of it would go."""

    top: Path
    databases: list[str]
    record: dict[str, Any]
    half: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    jobs: dict[str, int] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    operation: Any = None

    def release(self, release_id: str, pod: str = "alpha") -> Path:
        path = self.top / "pods" / pod / "releases" / release_id
        (path / "public" / "assets").mkdir(parents=True)
        return path

    def way_back(self, release_id: str, database: str) -> None:
        path = self.top / "state" / "alpha" / "releases" / release_id
        path.mkdir(parents=True)
        told = {"release_id": release_id, "database": database}
        (path / "record.json").write_text(json.dumps(told))

    def artifact(self, release_id: str, age_seconds: float = 7200) -> None:
        path = self.top / "artifacts" / f"{release_id}.tar.zst"
        for one in (path, path.with_name(f"{release_id}.json")):
            one.write_bytes(b"x" * 100)
            os.utime(one, (time.time() - age_seconds,) * 2)

    def keeping(self, *accepted: str) -> Keeping:
        return Keeping(PodPlaces("alpha"), frozenset(accepted))

    def going(self, *accepted: str) -> set[tuple[str, str]]:
        items = self.keeping(*accepted).items()
        return {(item.kind, item.id) for item in items if item.why is None}

    def why(self, kind: str, id_: str) -> str | None:
        (item,) = [one for one in self.keeping().items() if (one.kind, one.id) == (kind, id_)]
        return item.why


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A pod that was upgraded twice, the second time with a database of its own."""
    record = {
        "release_id": NEW, "database": "pod_alpha_2",
        "previous": {"release_id": OLD, "database": "pod_alpha_1"},
    }  # fmt: skip
    host = Host(tmp_path, ["pod_alpha_1", "pod_alpha_2"], record)
    for name in ("pods", "state", "artifacts"):
        (tmp_path / name).mkdir()
    pods, artifacts = PurePosixPath(tmp_path / "pods"), PurePosixPath(tmp_path / "artifacts")
    monkeypatch.setattr(contract, "PODS", pods)
    monkeypatch.setattr(contract, "STATE", PurePosixPath(tmp_path / "state"))
    monkeypatch.setattr(inventory, "PODS", pods)
    monkeypatch.setattr(inventory, "ARTIFACTS", artifacts)
    database = SimpleNamespace(
        of_pod=lambda places: [n for n in host.databases if n not in host.dropped],
        half_dropped=lambda: host.half,
        size=lambda name: 1000,
        made_at=lambda name: 0.0,
        drop=host.dropped.append,
    )
    monkeypatch.setattr(inventory, "database", database)
    monkeypatch.setattr(inventory, "orphans", SimpleNamespace(orphaned_files=list))
    waiting = SimpleNamespace(waiting=lambda places: host.jobs, forget=lambda places, one: None)
    monkeypatch.setattr(inventory, "jobs_aside", waiting)
    monkeypatch.setattr(inventory, "read_record", lambda places: host.record)
    monkeypatch.setattr(inventory, "unfinished", lambda pod: host.operation)
    monkeypatch.setattr(releases, "unfinished", lambda pod: host.operation)
    monkeypatch.setattr(inventory, "is_active", lambda unit: unit in host.running)
    for release_id in (OLDEST, OLD, NEW):
        host.release(release_id)
    host.way_back(OLDEST, "pod_alpha_1")
    host.way_back(OLD, "pod_alpha_1")
    return host


def test_the_live_release_and_the_one_before_stay(host: Host) -> None:
    assert host.going() == {("release", OLDEST), ("way back", OLDEST)}
    assert host.why("release", NEW) == "runs"
    assert host.why("release", OLD) == "the way back"
    assert host.why("database", "pod_alpha_2") == "in use"
    why = host.why("database", "pod_alpha_1")
    assert why is not None
    assert why.endswith("goes by --accept pod_alpha_1")


def test_a_safety_copy_goes_only_by_its_name_and_the_way_back_with_it(host: Host) -> None:
    assert ("database", "pod_alpha_1") not in host.going("pod_alpha_2x", "pod_beta_1")
    gone = host.going("pod_alpha_1")
    assert {("database", "pod_alpha_1"), ("release", OLD), ("way back", OLD)} <= gone
    assert ("release", NEW) not in gone


def test_the_live_database_is_never_let_go(host: Host) -> None:
    assert ("database", "pod_alpha_2") not in host.going("pod_alpha_2")
    with pytest.raises(Refusal, match="pod_alpha_2 is in use"):
        host.keeping("pod_alpha_2").refuse_live()


def test_rows_that_a_rollback_left_behind_stay_until_they_are_accepted(host: Host) -> None:
    """The newer release's code goes; its database, and what tells of it, does not."""
    host.record = {"release_id": OLD, "database": "pod_alpha_1", "previous": None}
    host.way_back(NEW, "pod_alpha_2")
    going = host.going()
    assert ("release", NEW) in going
    assert ("way back", NEW) not in going
    why = host.why("database", "pod_alpha_2")
    assert why is not None
    assert NEW in why
    assert {("way back", NEW), ("database", "pod_alpha_2")} <= host.going("pod_alpha_2")


def test_what_an_operation_under_way_names_stays(host: Host) -> None:
    host.operation = SimpleNamespace(
        request={"release": OLDEST}, journal=SimpleNamespace(lines=list)
    )
    assert host.why("release", OLDEST) == "an operation under way names it"
    assert host.going() == set()


def test_a_release_whose_processes_are_there_stays(host: Host) -> None:
    host.running = [PodPlaces("alpha").web_unit(OLDEST)]
    assert host.why("release", OLDEST) == "its processes are still there"


def test_what_a_cut_left_is_named_and_goes(host: Host) -> None:
    host.databases += ["pod_alpha_3", "pod_alpha_4_measured"]
    host.half = ["pod_alpha_3"]
    left = host.release(f".{NEW}.unpacking")
    assert {
        ("orphan", "pod_alpha_3"), ("database", "pod_alpha_4_measured"), ("orphan", str(left)),
    } <= host.going()  # fmt: skip


def test_a_copy_that_nothing_remembers_stays_until_it_is_accepted(host: Host) -> None:
    host.databases.append("pod_alpha_7")
    why = host.why("database", "pod_alpha_7")
    assert why is not None
    assert "nothing remembers" in why


@pytest.mark.parametrize(
    ("release_id", "age_seconds", "why"),
    [
        (NEW, 7200, "its release is kept"),
        (OLDEST, 7200, None),
        ("1.9.0.0-99999999", 7200, None),
        ("1.9.0.0-99999999", 60, "was just shipped"),
    ],
)
def test_artifacts(host: Host, release_id: str, age_seconds: float, why: str | None) -> None:
    host.artifact(release_id, age_seconds)
    assert host.why("artifact", release_id) == why


def test_the_artifact_of_another_pod_is_not_ours(host: Host) -> None:
    host.artifact("1.5.0.0-55555555")
    host.artifact(OLDEST)
    host.release("1.5.0.0-55555555", "beta")
    host.release(OLDEST, "beta")
    assert [item.id for item in host.keeping().items() if item.kind == "artifact"] == [OLDEST]
    assert host.why("artifact", OLDEST) == "another pod of the host has it"


def test_jobs_put_aside_go_only_by_their_name(host: Host) -> None:
    host.jobs = {"20260101T1-rollback": 3}
    assert ("jobs", "jobs-20260101T1-rollback") not in host.going()
    assert ("jobs", "jobs-20260101T1-rollback") in host.going("jobs-20260101T1-rollback")


def test_pruning_leaves_no_half_release_and_no_asset_of_it(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assets = tmp_path / "pods" / "alpha" / "assets"
    assets.mkdir()
    for release_id, name in ((OLDEST, "gone.css"), (NEW, "new.css"), (OLDEST, "both.css")):
        path = tmp_path / "pods/alpha/releases" / release_id / "public/assets" / name
        path.write_text(release_id)
        (assets / name).hardlink_to(path)
    (tmp_path / f"pods/alpha/releases/{NEW}/public/assets/both.css").write_text("the same")
    monkeypatch.setattr(releases, "host_lock", lambda on_wait: monkeypatch.context())
    gone = releases.prune("alpha", {"accept": []})
    assert [(one["kind"], one["id"]) for one in gone] == [
        ("way back", OLDEST),
        ("release", OLDEST),
    ]
    assert sorted(path.name for path in assets.iterdir()) == ["both.css", "new.css"]
    there = (tmp_path / "pods/alpha/releases").iterdir()
    assert sorted(path.name for path in there) == [OLD, NEW]
    assert releases.prune("alpha", {}) == []


def test_nothing_is_pruned_while_an_operation_runs(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.operation = SimpleNamespace(request={}, journal=SimpleNamespace(lines=list))
    monkeypatch.setattr(releases, "host_lock", lambda on_wait: monkeypatch.context())
    monkeypatch.setattr(releases, "describe", lambda operation: "upgrade, started by somebody")
    with pytest.raises(Refusal, match=r"is busy: upgrade, .* Prune when it is done"):
        releases.prune("alpha", {})
