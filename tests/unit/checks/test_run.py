"""./check counts what it ran, names what was skipped, ends what hangs, and leaves no test out."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests import run
from tests.run import CHECKOUT, PARTS, Part, Result

MIXED = """
import pytest
def test_well():
    pass
def test_wrong():
    assert False
@pytest.mark.skip(reason="the moon is full")
def test_later():
    pass
@pytest.fixture
def broken():
    raise RuntimeError
def test_error(broken):
    pass
"""


def test_every_test_file_belongs_to_exactly_one_part() -> None:
    files = set((CHECKOUT / "tests").rglob("test_*.py"))
    for file in files:
        parts = [
            part.name
            for part in PARTS
            for pattern in part.tests
            if any(file.is_relative_to(path) for path in CHECKOUT.glob(pattern))
        ]
        assert len(parts) == 1, f"{file} is run by {parts or 'no part'}"


def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Result:
    (tmp_path / "test_it.py").write_text(text)
    monkeypatch.setattr(run, "CHECKOUT", tmp_path)
    return run._run(Part("trial", 60, tests=("test_*.py",)))


def test_results_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = ran(tmp_path, monkeypatch, MIXED)
    assert (result.passed, result.failed) == (1, 2)
    assert result.skipped == ["test_it::test_later: the moon is full"]


def test_a_part_that_collects_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ran(tmp_path, monkeypatch, "import no_such_module\n").failed == 1


def test_a_part_whose_tests_are_gone_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "CHECKOUT", tmp_path)
    (tmp_path / "test_other.py").write_text("def test_it(): pass\n")
    result = run._run(Part("trial", 60, tests=("gone",)))
    assert (result.passed, result.failed) == (0, 1)


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_a_skip_is_loud_and_fails_where_ci_is_true(
    ci: str, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    result = Result(Part("trial", 1), 0.1, "", passed=3, skipped=["a::b: the moon is full"])
    assert run._conclude([result], unrun=0) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "SKIPPED a::b: the moon is full"
    assert lines[-1] == f"3 passed, {code} failed, 1 skipped"


def test_what_hangs_is_ended_with_its_children() -> None:
    child = "import subprocess; subprocess.run(['sleep', '60'])"
    began = time.monotonic()
    result = run._run(Part("hangs", 1, (sys.executable, "-c", child)))
    assert result.failed == 1 and time.monotonic() - began < 20
    assert "not done in 1 s" in result.output


def test_a_command_counts_as_one_test() -> None:
    well = run._run(Part("well", 10, (sys.executable, "-c", "")))
    wrong = run._run(Part("wrong", 10, (sys.executable, "-c", "raise SystemExit('why')")))
    assert (well.passed, well.failed, wrong.passed, wrong.failed) == (1, 0, 0, 1)
    assert "why" in wrong.output


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        (["--part", "lint"], {"lint"}),
        (["--part", "lab: fleet", "--part", "types"], {"lab: fleet", "types"}),
        (["--fast", "--part", "lab"], set()),
        (["--lab-only"], {part.name for part in PARTS if part.is_lab}),
    ],
)
def test_parts_can_be_chosen(
    argv: list[str], wanted: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    options = run._options(argv)
    assert {part.name for part in PARTS if run._is_wanted(part, options)} == wanted


def test_a_choice_that_fits_no_part_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--part", "nonsense"]) == 2
    said = capsys.readouterr().out
    assert "there are tests: monitoring, tests: the rest, tests: controller" in said
