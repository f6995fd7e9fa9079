"""Every way a command can end: its exit code, its words, where they go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from provision.cli.application import application
from provision.cli.asked import Asked
from provision.cli.failures import exit_code_of
from provision.errors import Exit, NotSafe, PodfleetError, Refusal, Refusals, UsageError

SECRET = "correct horse battery staple"


def raising(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        password = SECRET
        raise error if password else RuntimeError

    return command


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODFLEET_STATE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refusal("a", "b", "C."), Exit.REFUSED),
        (UsageError("a", "b", "C."), Exit.USAGE),
        (NotSafe("a", "b", "C."), Exit.NOT_SAFE),
    ],
)
def test_an_error_is_said_as_where_what_do(
    error: PodfleetError, code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(raising(error)) == code
    assert capsys.readouterr() == ("", "a: b. C.\n")


def test_all_refusals_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    both = Refusals([Refusal("a", "b", "C."), Refusal("d", "e", "F.")])
    assert exit_code_of(raising(both)) == Exit.REFUSED
    assert capsys.readouterr().err == "a: b. C.\nd: e. F.\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_an_interrupt_says_what_goes_on(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(raising(error)) == 130
    assert "podfleet follow" in capsys.readouterr().err


def test_our_own_bug_exits_3_with_a_private_log(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(raising(ZeroDivisionError("division"))) == Exit.BUG
    (log,) = (state / "logs").iterdir()
    assert str(log) in capsys.readouterr().err
    assert (log.stat().st_mode & 0o777, (log.parent.stat().st_mode & 0o777)) == (0o600, 0o700)
    text = log.read_text()
    assert "ZeroDivisionError" in text and "Traceback" in text
    assert SECRET not in text


def test_our_own_bug_is_told_even_when_no_log_can_be_written(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (state / "logs").write_text("in the way")
    assert exit_code_of(raising(ZeroDivisionError("division"))) == Exit.BUG
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (17, 17)])
def test_a_command_may_return_its_code(returned: int | None, code: int) -> None:
    assert exit_code_of(lambda: returned) == code


def test_an_interrupted_verb_is_one_of_the_failures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Typer has an end of its own for Ctrl-C, which says nothing."""
    monkeypatch.setattr(Asked, "fleet", lambda asked: raising(KeyboardInterrupt())())
    app = application()
    assert exit_code_of(lambda: app(["plan"], prog_name="podfleet", standalone_mode=False)) == 130
    assert "podfleet follow" in capsys.readouterr().err
