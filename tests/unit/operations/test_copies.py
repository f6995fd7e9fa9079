"""A dump into a restore: both must end well, and what is half made never stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import copies, database, preflight
from provision.operations.copies import copy_by_dump, copy_files

PLACES = PodPlaces("alpha")


class Server:
    """Stands for PostgreSQL: what was asked of it."""

    def __init__(self, size: int = 1000, directory: Path = Path("/")) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.size, self.directory = size, directory
        self.dropped: list[str] = []

    def psql(self, sql: str, variables: dict[str, str] | None = None, name: str = "") -> str:
        self.asked.append((sql, variables or {}))
        return f"{self.size}|{self.directory}" if "data_directory" in sql else ""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    server = Server(directory=tmp_path)
    monkeypatch.setattr(copies, "psql", server.psql)
    monkeypatch.setattr(database, "psql", server.psql)
    monkeypatch.setattr(database, "drop", server.dropped.append)
    monkeypatch.setattr(copies, "AS_POSTGRES", ())
    monkeypatch.setattr(copies, "LOOK_SECONDS", 0.01)
    return server


def piped(monkeypatch: pytest.MonkeyPatch, dump: Sequence[str], restore: Sequence[str]) -> None:
    monkeypatch.setattr(copies._Pipe, "_dump", lambda self: list(dump))
    monkeypatch.setattr(copies._Pipe, "_restore", lambda self: list(restore))


SENDS, TAKES = ("sh", "-c", "echo rows"), ("sh", "-c", "test $(cat) = rows")
SAYS = ("sh", "-c", "cat >/dev/null; echo no room >&2; exit 1")


def test_a_copy_is_piped_and_takes_over_what_its_source_is(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, SENDS, TAKES)
    assert copy_by_dump("pod_alpha_1", "pod_alpha_2", PLACES) > 0
    assert server.dropped == ["pod_alpha_2"]
    sql, values = server.asked[-1]
    assert "pg_db_role_setting" in sql
    assert values == {"source": "pod_alpha_1", "target": "pod_alpha_2"}


@pytest.mark.parametrize(
    ("dump", "restore", "words"),
    [
        (("sh", "-c", "echo rows; echo lost >&2; exit 3"), TAKES, "lost"),
        (SENDS, SAYS, "no room"),
        # Whose reader is gone: it must not wait for ever.
        (("sh", "-c", "yes"), ("sh", "-c", "echo gone >&2; exit 1"), "gone"),
    ],
)
def test_both_must_end_well(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    dump: Sequence[str],
    restore: Sequence[str],
    words: str,
) -> None:
    piped(monkeypatch, dump, restore)
    with pytest.raises(Refusal, match=f"pod_alpha_1: cannot be copied: .*{words}"):
        copy_by_dump("pod_alpha_1", "pod_alpha_2", PLACES)
    # Before it began, and what it made.
    assert server.dropped == ["pod_alpha_2", "pod_alpha_2"]


def test_the_disk_never_fills_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, ("sleep", "60"), ("sleep", "60"))
    monkeypatch.setattr(preflight, "LEAST_FREE_BYTES", 1 << 60)
    with pytest.raises(Refusal, match=r"its copy was ended: only .* MB are left on the disk"):
        copy_by_dump("pod_alpha_1", "pod_alpha_2", PLACES)
    assert server.dropped == ["pod_alpha_2", "pod_alpha_2"]


@pytest.mark.parametrize("how", ["dump", "files"])
def test_no_copy_begins_that_does_not_fit(server: Server, how: str) -> None:
    server.size = 1 << 60
    with pytest.raises(Refusal, match=r"MB are free, .* MB are needed"):
        if how == "dump":
            copy_by_dump("pod_alpha_1", "pod_alpha_2", PLACES)
        else:
            copy_files("pod_alpha_1", "pod_alpha_2", PLACES, timeout_seconds=1)
    assert server.dropped == []


@pytest.mark.parametrize(("megabytes", "strategy"), [(10, "WAL_LOG"), (100, "FILE_COPY")])
def test_how_files_are_copied(server: Server, megabytes: int, strategy: str) -> None:
    server.size = megabytes * 1024**2
    copy_files("pod_alpha_1", "pod_alpha_2", PLACES, timeout_seconds=2.5)
    _, values = server.asked[-1]
    assert values["strategy"] == strategy
    assert values["milliseconds"] == "2500"
