"""The program that holds a host's lock, run for real on files of our own."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provision.converge import lock_holder

UNFINISHED = "platform.unfinished"


@contextmanager
def holding(directory: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    argv = [sys.executable, "-I", lock_holder.__file__, str(directory / "lock"), str(directory)]
    argv.append("alice@laptop")
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.communicate()


def test_held_until_stdin_ends(tmp_path: Path) -> None:
    with holding(tmp_path) as (answer, _):
        assert answer == "held"
        with (tmp_path / "lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_run_that_was_not_done_is_told(tmp_path: Path) -> None:
    with holding(tmp_path) as (answer, _):
        assert answer == "held"
    with holding(tmp_path) as (answer, process):
        assert answer == "held again"
        assert process.stdin
        process.stdin.write("done")
    assert not (tmp_path / UNFINISHED).exists()
    with holding(tmp_path) as (answer, _):
        assert answer == "held"


def test_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with holding(tmp_path) as (_, first), holding(tmp_path) as (answer, second):
        assert f"process {first.pid}" in answer
        assert "since" in answer
        assert second.wait() == 1


def request_of(directory: Path) -> Path:
    operation = directory / "alpha" / "operations" / "1"
    operation.mkdir(parents=True)
    asked = {"operation": "launch", "operator": "admin"}
    (operation / "request.json").write_text(json.dumps(asked))
    return operation / "journal.jsonl"


def test_unfinished_operation_is_named(tmp_path: Path) -> None:
    request_of(tmp_path)
    with holding(tmp_path) as (answer, _):
        assert answer.startswith("an operation is not finished: launch of alpha by admin since")


def test_operation_with_a_verdict_is_finished(tmp_path: Path) -> None:
    journal = request_of(tmp_path)
    journal.write_text('{"event":"begin"}\n{"event":"verdict","exit":1}\n')
    with holding(tmp_path) as (answer, _):
        assert answer == "held"
