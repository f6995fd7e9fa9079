"""What the monitor is told of a pod: true at each moment, nothing secret, gone with the pod."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.contract import PodPlaces
from provision.errors import Exit
from provision.operations import database, facts_file, ledger
from provision.operations.journal import Journal
from provision.operations.operation import REQUEST

SECRETS = ("a-secret-key", "an-administrators-password")


class Host:
    """One pod's directories below one of the test's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.places = PodPlaces("alpha")
        self.databases = ["pod_alpha_1"]
        self.is_postgresql_up = True
        for path in (self.places.operations, self.places.exports):
            Path(path).mkdir(parents=True)

    def of_pod(self, _: PodPlaces) -> list[str]:
        if not self.is_postgresql_up:
            raise subprocess.CalledProcessError(2, ["psql"])
        return self.databases

    def record(self, **more: Any) -> None:
        said = {
            "domain": "alpha.example.org", "release": "0.9.1.0", "release_id": "0.9.1.0-0123abcd",
            "database": "pod_alpha_1", "is_closed": False, "manifest": {"secret": SECRETS[0]},
        }  # fmt: skip
        Path(self.places.record).write_text(json.dumps({**said, **more}))

    def begin(self, name: str, verb: str, **parameters: Any) -> Journal:
        directory = Path(self.places.operations) / name
        directory.mkdir()
        request = {"operation": verb, "at": "2026-11-22T10:00:00+00:00", "parameters": parameters}
        (directory / REQUEST).write_text(json.dumps({**request, "password": SECRETS[1]}))
        journal = Journal(directory, name)
        journal.write("begin", text="steps")
        return journal

    def told(self) -> dict[str, Any]:
        facts_file.refresh(self.places)
        found: dict[str, Any] = json.loads(self.path.read_bytes())
        return found

    @property
    def path(self) -> Path:
        return facts_file.path_of(self.places)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr("provision.contract.PODS", tmp_path / "pods")
    monkeypatch.setattr("provision.contract.STATE", tmp_path / "state")
    monkeypatch.setattr(facts_file, "FACTS", tmp_path / "facts")
    host = Host(tmp_path)
    monkeypatch.setattr(database, "of_pod", host.of_pod)
    host.record()
    return host


def test_a_pod_that_serves(host: Host) -> None:
    told = host.told()
    assert told == {
        "format": 1, "pod": "alpha", "domain": "alpha.example.org", "release": "0.9.1.0",
        "release_id": "0.9.1.0-0123abcd", "database": "pod_alpha_1", "closed": False,
        "operation": None, "operations": {}, "export": None, "safety_copies": 0, "upgrade": None,
    }  # fmt: skip


def test_everybody_may_read_it_and_no_secret_is_in_it(host: Host) -> None:
    host.begin("1", "upgrade")
    umask = os.umask(0o077)
    try:
        host.told()
    finally:
        os.umask(umask)
    assert host.path.stat().st_mode & 0o777 == 0o644
    assert host.path.parent.stat().st_mode & 0o777 == 0o755
    assert not any(secret in host.path.read_text() for secret in SECRETS)
    assert [path.name for path in host.path.parent.iterdir()] == ["alpha.json"]


def test_an_operation_from_its_begin_to_its_verdict(host: Host) -> None:
    journal = host.begin("20261122T100000000-upgrade", "upgrade")
    assert host.told()["operation"] == {
        "id": "20261122T100000000-upgrade", "verb": "upgrade",
        "begun_at": "2026-11-22T10:00:00+00:00",
    }  # fmt: skip
    verdict = journal.write("verdict", exit=int(Exit.REFUSED), text="no")
    told = host.told()
    assert told["operation"] is None
    assert told["operations"] == {"upgrade": {"at": verdict["at"], "ok": False}}


@pytest.mark.parametrize(
    ("verb", "found"),
    [("upgrade", {"database": "pod_alpha_2"}), ("rollback", {"to_database": "pod_alpha_2"})],
)
def test_from_its_switch_on_an_upgrade_has_another_database(
    host: Host, verb: str, found: dict[str, str]
) -> None:
    """And the one before is none of the pod's until the way leads back, or the verdict is there."""
    journal = host.begin("1", verb)
    journal.write("done", "preflight", evidence={"from_database": "pod_alpha_1", **found})
    assert host.told()["database"] == "pod_alpha_1"
    journal.write("done", "switch")
    assert host.told()["database"] == "pod_alpha_2"
    journal.write("failed", "gates", text="red")
    assert host.told()["database"] == "pod_alpha_1"
    journal.write("verdict", exit=int(Exit.REFUSED), text="red")
    assert host.told()["database"] == "pod_alpha_1"


def test_the_last_of_each_verb_is_told_also_once_it_is_pruned(host: Host) -> None:
    host.begin("1-launch", "launch").write("verdict", exit=0, text="done")
    host.begin("2-configure", "configure").write("verdict", exit=4, text="not safe")
    assert set(host.told()["operations"]) == {"launch", "configure"}
    for file in (Path(host.places.operations) / "1-launch").iterdir():
        file.unlink()
    (Path(host.places.operations) / "1-launch").rmdir()
    host.begin("3-configure", "configure").write("verdict", exit=0, text="done")
    told = host.told()["operations"]
    assert {verb: one["ok"] for verb, one in told.items()} == {"launch": True, "configure": True}


def test_a_rehearsal_is_no_upgrade(host: Host) -> None:
    host.begin("1-upgrade", "upgrade", rehearse=True).write("verdict", exit=0, text="done")
    assert host.told()["operations"] == {}


def test_exports_safety_copies_and_what_the_last_upgrade_cost(host: Host) -> None:
    for number, name in enumerate(("old.tar.zst", "new.tar.zst", ".part.tar.zst", "notes.txt")):
        path = Path(host.places.exports) / name
        path.write_bytes(b"x" * (number + 1))
        os.utime(path, (number * 1000, number * 1000))
    host.databases = ["pod_alpha_1", "pod_alpha_2", "pod_alpha_3", "pod_alpha_3_rehearsed"]
    host.record(database="pod_alpha_3")
    for outcome, seconds in (("done", 0.7), ("rolled back", 9.0)):
        ledger.append(
            host.places,
            {"operation": outcome, "verb": "upgrade", "outcome": outcome,
             "predicted_seconds": 0.5, "closed_seconds": seconds},
        )  # fmt: skip
    told = host.told()
    assert told["export"] == {"at": "1970-01-01T00:16:40+00:00", "bytes": 2}
    assert told["safety_copies"] == 2
    assert told["upgrade"]["closed_seconds"] == 0.7
    assert told["upgrade"]["predicted_seconds"] == 0.5


def test_an_export_that_was_taken_away_was_made_all_the_same(host: Host) -> None:
    path = Path(host.places.exports) / "a.tar.zst"
    path.write_bytes(b"x")
    first = host.told()["export"]
    path.unlink()
    assert host.told()["export"] == first


def test_at_boot_postgresql_is_not_there_yet(host: Host) -> None:
    host.databases = ["pod_alpha_1", "pod_alpha_2"]
    assert host.told()["safety_copies"] == 1
    host.is_postgresql_up = False
    assert host.told()["safety_copies"] == 1
    host.path.unlink()
    assert host.told()["safety_copies"] is None


@pytest.mark.parametrize("how", ["page", "record"])
def test_a_closed_pod_is_closed(host: Host, how: str) -> None:
    if how == "page":
        Path(host.places.maintenance_flag).touch()
    else:
        host.record(is_closed=True)
    assert host.told()["closed"] is True


def test_they_are_gone_with_the_pod(host: Host) -> None:
    host.told()
    Path(host.places.record).unlink()
    facts_file.refresh(host.places)
    assert not host.path.exists()
    facts_file.refresh(host.places)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"operations": [], "safety_copies": "x"}'])
def test_what_was_there_before_may_be_anything(host: Host, content: bytes) -> None:
    host.path.parent.mkdir()
    host.path.write_bytes(content)
    assert host.told()["operations"] == {}


def test_whatever_fails_no_operation_fails(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(facts_file, "FACTS", host.root / "file" / "below")
    (host.root / "file").touch()
    facts_file.refresh(host.places)
    assert "its monitor is told nothing new" in capsys.readouterr().err
