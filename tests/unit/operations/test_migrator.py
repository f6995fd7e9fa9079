"""What the migrator's answers become, and which migrations a release has."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from provision import contract
from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import database
from provision.operations import migrator as module
from provision.operations.migrator import (
    LockTooLong,
    MigrationFailed,
    MigrationTooLong,
    Migrator,
    migrations,
)

RELEASE = "1.2.0.0-22222222"
RAN = {"version": "20260101000000", "name": "Well", "seconds": 0.1}
RAILS = "An error has occurred, this and all later migrations canceled:\n\n"

Answer = Callable[[bytes], None]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The application names whose sessions were ended."""
    names: list[str] = []
    monkeypatch.setattr(database, "end_sessions", names.append)
    monkeypatch.setattr(module, "last_words", lambda unit: "Killed")
    monkeypatch.setattr(module, "unit_properties", lambda unit, *wanted: dict.fromkeys(wanted, "0"))
    return names


@pytest.fixture
def migrator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: list[str]
) -> Iterator[Migrator]:
    monkeypatch.setattr(contract, "PODS", PurePosixPath(tmp_path))
    (tmp_path / "alpha" / "releases" / RELEASE / "tmp").mkdir(parents=True)
    migrator = Migrator(PodPlaces("alpha"), RELEASE)
    with tempfile.TemporaryDirectory() as short:
        # pytest's own directories are too long for a socket.
        migrator.socket = Path(short) / "migrator.sock"
        yield migrator


@pytest.fixture
def answer(migrator: Migrator) -> Iterator[Answer]:
    """Answers the next question with these bytes, and hangs up."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(migrator.socket))
        server.listen()

        def serve(said: bytes) -> None:
            line, _ = server.accept()
            with line:
                line.recv(65536)
                line.sendall(said)

        threads: list[threading.Thread] = []

        def begin(said: bytes) -> None:
            threads.append(threading.Thread(target=serve, args=(said,)))
            threads[-1].start()

        yield begin
        for thread in threads:
            thread.join()


def told(**said: Any) -> bytes:
    return json.dumps({"ran": [], "peak_kb": 1000, **said}).encode() + b"\n"


def test_what_ran_is_told(migrator: Migrator, answer: Answer, ended: list[str]) -> None:
    answer(told(end="done", ran=[RAN]))
    assert migrator.migrate("pod_alpha_2", timeout_seconds=5) == [RAN]
    assert ended == []


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (
            {"end": "failed", "words": RAILS + "PG::UndefinedTable: no\n/a/b.rb:3:in 'up'"},
            MigrationFailed,
            r"failed \(after 20260101000000\): An .*canceled: \| PG::UndefinedTable: no\. See",
        ),
        (
            {"end": "failed", "words": "ActiveRecord::LockWaitTimeout: PG::LockNotAvailable: x"},
            LockTooLong,
            "PG::LockNotAvailable",
        ),
        ({"end": "too long"}, MigrationTooLong, r"was not done within 5 s, and was ended \(after"),
        ({"end": "failed", "words": "it was killed"}, MigrationFailed, "it was killed"),
    ],
)
def test_what_went_wrong_is_told_and_nothing_goes_on(
    migrator: Migrator,
    answer: Answer,
    ended: list[str],
    said: dict[str, Any],
    kind: type[MigrationFailed],
    words: str,
) -> None:
    answer(told(ran=[RAN], **said))
    with pytest.raises(MigrationFailed, match=words) as failed:
        migrator.migrate("pod_alpha_2", timeout_seconds=5)
    assert type(failed.value) is kind
    assert failed.value.ran == [RAN]
    assert ended == ["podfleet-migrator-alpha"]


@pytest.mark.parametrize("said", [b"", b'{"ran": [', b"not JSON\n"])
def test_a_migrator_that_dies_is_no_bug(migrator: Migrator, answer: Answer, said: bytes) -> None:
    answer(said)
    with pytest.raises(Refusal, match=r"it ended, or does not answer .*: Killed\. Run the same"):
        migrator.migrate("pod_alpha_2", timeout_seconds=5)


def test_a_migrator_that_is_not_there(migrator: Migrator) -> None:
    with pytest.raises(Refusal, match="does not answer"):
        migrator.migrate("pod_alpha_2", timeout_seconds=5)


def test_migrations_are_found_as_rails_finds_them(tmp_path: Path) -> None:
    directory = tmp_path / "db" / "migrate"
    (directory / "old").mkdir(parents=True)
    for name in (
        "20260102000000_second.rb", "20260101000000_first.rb", "old/9_from_the_beginning.rb",
        "20260103000000_scoped.engine.rb", "README.md", "20260104000000_no.rb~", "helper.rb",
    ):  # fmt: skip
        (directory / name).touch()
    assert migrations(tmp_path) == ["9", "20260101000000", "20260102000000", "20260103000000"]


def test_what_is_pending(migrator: Migrator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "migrations", lambda release: ["9", "20", "100"])
    monkeypatch.setattr(database, "schema_versions", lambda name: {"009", "100"})
    assert migrator.pending("pod_alpha_1") == ["20"]
