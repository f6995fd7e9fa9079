"""From a suite's tests to Checks: outcome, evidence, and whose they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provision.report import Silent
from provision.verify import running
from provision.verify.checks import Check, check_lines, failed
from provision.verify.subjects import Subjects

SUITE = """
import pytest

def test_fine(host, saw):
    saw("two doors")
    saw("both shut")

def test_wrong(pod, saw):
    saw("door 25")
    open_doors = ["25"]
    assert not open_doors, f"open: {open_doors}"

def test_left_out(any_pod):
    pytest.skip("nobody at home")

def test_broken(host):
    raise OSError("the line is dead\\nand more")
"""


class Subject(SimpleNamespace):
    """A host or pod with nothing but its name."""


@pytest.fixture
def checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    (tmp_path / "test_doors.py").write_text(SUITE)
    host = Subject(name="one")
    pod = Subject(name="alpha", pod=Subject(host="one"))
    subjects = cast(Subjects, Subject(hosts=(host,), launched=(pod,), pods=(pod,)))
    monkeypatch.setattr(running, "Ahead", NothingAhead)
    return running.run_suite(subjects, Silent(), tmp_path)


class NothingAhead:
    def __init__(self, subjects: Any) -> None:
        pass

    def __enter__(self) -> NothingAhead:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_each_test_is_a_check_with_its_evidence(checks: list[Check]) -> None:
    assert [check.to_json() for check in checks] == [
        {
            "check": "fine",
            "pod": None,
            "host": "one",
            "outcome": "passed",
            "evidence": "two doors; both shut",
        },
        {
            "check": "wrong",
            "pod": "alpha",
            "host": "one",
            "outcome": "failed",
            "evidence": "open: ['25']; door 25",
        },
        {
            "check": "left out",
            "pod": "alpha",
            "host": "one",
            "outcome": "skipped",
            "evidence": "nobody at home",
        },
        {
            "check": "broken",
            "pod": None,
            "host": "one",
            "outcome": "failed",
            "evidence": "the line is dead",
        },
    ]


def test_lines_end_with_what_failed_and_the_sum(checks: list[Check]) -> None:
    lines = check_lines(checks)
    assert lines[-1] == "1 passed, 1 skipped, 2 failed"
    assert [line.split()[0] for line in lines[1:5]] == ["passed", "skipped", "failed", "failed"]
    assert len(failed(checks)) == 2


def test_a_suite_that_does_not_run_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_torn.py").write_text("def test_(:")
    monkeypatch.setattr(running, "Ahead", NothingAhead)
    nobody = cast(Subjects, Subject(hosts=(Subject(name="one"),), launched=(), pods=()))
    with pytest.raises(RuntimeError, match="pytest ended"):
        running.run_suite(nobody, Silent(), tmp_path)


def test_without_pods_their_tests_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_doors.py").write_text(SUITE)
    monkeypatch.setattr(running, "Ahead", NothingAhead)
    subjects = cast(Subjects, Subject(hosts=(Subject(name="one"),), launched=(), pods=()))
    found = running.run_suite(subjects, Silent(), tmp_path)
    assert [check.check for check in found] == ["fine", "broken"]


def test_where_no_host_was_reached_nothing_is_checked(tmp_path: Path) -> None:
    nobody = cast(Subjects, Subject(hosts=(), launched=(), pods=()))
    assert running.run_suite(nobody, Silent(), tmp_path) == []


def test_an_interrupt_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test_impatient.py").write_text("def test_x(host): raise KeyboardInterrupt")
    monkeypatch.setattr(running, "Ahead", NothingAhead)
    subjects = cast(Subjects, Subject(hosts=(Subject(name="one"),), launched=(), pods=()))
    with pytest.raises(KeyboardInterrupt):
        running.run_suite(subjects, Silent(), tmp_path)


def test_nothing_around_the_suite_has_a_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conftest.py").write_text("raise SystemExit('not asked')")
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "test_loud.py").write_text("def test_loud(host): print('not JSON')")
    monkeypatch.setattr(running, "Ahead", NothingAhead)
    subjects = cast(Subjects, Subject(hosts=(Subject(name="one"),), launched=(), pods=()))
    found = running.run_suite(subjects, Silent(), suite)
    assert [(check.check, check.outcome) for check in found] == [("loud", "passed")]
    assert capsys.readouterr().out == ""
