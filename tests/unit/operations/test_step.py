"""Steps: run, resumed after kill -9 at each of them, turned round by a failure, undone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from provision.operations.journal import Journal, progress
from provision.operations.step import NOTHING, Cut, Evidence, Run, Step

NAMES = ("first", "second", "third")
# An operation of three slow steps, in a process of its own so that it can be killed.
CHILD = """
import sys, time
from pathlib import Path
from provision.operations.journal import Journal
from provision.operations.step import Run, Step

root = Path(sys.argv[1])
fails = sys.argv[2]

def do(name):
    def work(seen):
        with (root / "work").open("a") as file:
            file.write(f"do {name} {seen.get('there')}\\n")
        time.sleep(0.3)
        (root / name).write_text("made")
        if name == fails:
            raise RuntimeError(f"{name} broke")
    return work

def undo(name):
    def work(seen):
        with (root / "work").open("a") as file:
            file.write(f"undo {name} {seen.get('there')}\\n")
        time.sleep(0.3)
        (root / name).unlink(missing_ok=True)
    return work

def look(name):
    return lambda: {"there": (root / name).exists()}

names = ("first", "second", "third")
steps = [Step(n, do(n), undo(n), look(n)) for n in names]
sys.exit(Run(lambda: steps, Journal(root, "op"), [root], "pod x").resume())
"""


def child(root: Path, fails: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(root), fails])


def lines_of(root: Path) -> list[tuple[str, str | None]]:
    return [(line["event"], line["step"]) for line in Journal(root, "op").lines()]


def kill_at(root: Path, fails: str, event: str, step: str) -> None:
    """Runs the operation until it reached that event, and kills it there."""
    process = child(root, fails)
    deadline = time.monotonic() + 20
    while (event, step) not in lines_of(root):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("step", NAMES)
def test_killed_at_each_step_it_goes_on_there(tmp_path: Path, step: str) -> None:
    kill_at(tmp_path, "", "start", step)
    assert child(tmp_path).wait() == 0
    events = lines_of(tmp_path)
    assert events.count(("start", step)) == 2
    assert [name for event, name in events if event == "done"] == list(NAMES)
    assert events[-1] == ("verdict", None)
    assert all((tmp_path / name).exists() for name in NAMES)


def test_a_resumed_step_still_knows_what_was_there_before(tmp_path: Path) -> None:
    kill_at(tmp_path, "", "start", "second")
    (tmp_path / "second").write_text("half made")
    assert child(tmp_path).wait() == 0
    work = (tmp_path / "work").read_text().splitlines()
    assert {line for line in work if "second" in line} == {"do second False"}


@pytest.mark.parametrize("step", NAMES)
def test_killed_on_its_way_back_it_keeps_that_direction(tmp_path: Path, step: str) -> None:
    kill_at(tmp_path, "third", "undo", step)
    assert child(tmp_path).wait() == 1
    assert not any((tmp_path / name).exists() for name in NAMES)
    work = (tmp_path / "work").read_text().splitlines()
    done_twice = [line for line in work if line == f"do {step} False"]
    assert len(done_twice) == 1, "a step was done again on the way back"


def run(root: Path, steps: Sequence[Step], *, is_going_down: bool = False) -> int:
    return Run(lambda: steps, Journal(root, "op"), [root], "pod x", lambda: is_going_down).resume()


def fail(_: Evidence) -> None:
    raise RuntimeError("it broke")


def nothing(_: Evidence) -> None:
    """A step that finds all done."""


def test_a_failed_step_undoes_what_was_begun_last_first(tmp_path: Path) -> None:
    undone: list[str] = []

    def undo(name: str) -> Step:
        return Step(name, fail if name == "c" else nothing, lambda seen: undone.append(name))

    steps = [undo(name) for name in "abcd"]
    assert run(tmp_path, steps) == 1
    assert undone == ["c", "b", "a"]
    verdict = Journal(tmp_path, "op").lines()[-1]
    assert verdict["exit"] == 1
    assert "it broke" in verdict["text"]


def test_a_way_back_that_fails_needs_a_person(tmp_path: Path) -> None:
    assert run(tmp_path, [Step("a", nothing, fail), Step("b", fail)]) == 4
    text = Journal(tmp_path, "op").lines()[-1]["text"]
    assert "Undoing `a` failed as well" in text
    assert "run the same command again" in text


def test_after_the_verdict_nothing_runs_again(tmp_path: Path) -> None:
    assert run(tmp_path, [Step("a", fail)]) == 1
    calls: list[Evidence] = []
    assert run(tmp_path, [Step("a", lambda seen: calls.append(seen))]) == 1
    assert calls == []


def test_a_host_that_goes_down_turns_nothing_round(tmp_path: Path) -> None:
    with pytest.raises(Cut):
        run(tmp_path, [Step("a", fail, fail)], is_going_down=True)
    assert not progress(Journal(tmp_path, "op").lines()).is_turned
    assert run(tmp_path, [Step("a", nothing, fail)]) == 0


def test_evidence_is_in_the_journal(tmp_path: Path) -> None:
    assert run(tmp_path, [Step("a", lambda seen: {"bytes": 7})]) == 0
    state = progress(Journal(tmp_path, "op").lines())
    assert state.done == {"a": {"bytes": 7}}
    assert state.before == {"a": dict(NOTHING)}
