"""What goes where: JSON alone on standard output, progress on standard error, colour if wanted."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from provision import places
from provision.cli.failures import exit_code_of
from provision.cli.output import Output
from provision.columns import columns
from provision.errors import Refusal, UsageError
from provision.report import Lines

WORK = """
import time
from provision.cli.output import Output
with Output().progress() as report:
    with report.step("unpack", "pod alpha"):
        report.line("halfway"); time.sleep(0.3)
    report.warn("mind the gap")
"""


def on_a_terminal(code: str, **environment: str) -> str:
    """What the code writes to a terminal as its standard error."""
    leader, follower = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(places.CHECKOUT), "TERM": "xterm-256color", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            more = os.read(leader, 4096)
        except OSError:  # Linux says EIO where the last writer has closed
            break
        if not more:
            break
        seen += more
    os.close(leader)
    assert child.wait() == 0
    return seen.decode()


def test_without_a_terminal_progress_is_plain_lines(capfd: pytest.CaptureFixture[str]) -> None:
    with Output().progress() as report, report.step("unpack", "pod alpha"):
        report.line("halfway")
        report.warn("mind the gap")
    out, err = capfd.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[:3] == ["pod alpha: unpack ...", "halfway", "warning: mind the gap"]
    assert lines[3].startswith("pod alpha: unpack: done in ")
    assert "\x1b" not in err


def test_a_failed_step_is_told_as_failed(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), Output().progress() as report, report.step("divide"):
        _ = 1 / 0
    assert "divide: failed after" in capfd.readouterr().err


def test_on_a_terminal_steps_are_drawn_with_their_seconds() -> None:
    seen = on_a_terminal(WORK)
    assert "\x1b[32m✓" in seen and "pod alpha: unpack" in seen and " s" in seen
    assert "halfway" in seen and "mind the gap" in seen


def test_no_color_is_honoured() -> None:
    seen = on_a_terminal(WORK, NO_COLOR="1")
    assert "✓ pod alpha: unpack" in seen
    assert "\x1b[32m" not in seen and "\x1b[33m" not in seen


def test_a_dumb_terminal_gets_plain_lines() -> None:
    seen = on_a_terminal(WORK, TERM="dumb")
    assert "\x1b" not in seen and "pod alpha: unpack ..." in seen


def test_json_is_all_there_is_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).show(["for people"], {"für": [Path("/a"), None]})
    assert json.loads(capsys.readouterr().out) == {"für": ["/a", None]}


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_shown_reaches_a_pipe_while_the_command_goes_on(*, as_json: bool) -> None:
    """As of `observe`, which prints an address and stays."""
    code = (
        "import sys\nfrom provision.cli.output import Output\n"
        f"Output(as_json={as_json}).show(['http://127.0.0.1/'], 'http://127.0.0.1/')\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(places.CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        is_there, _, _ = select.select([child.stdout], [], [], 10)
        child.stdin.close()
    assert is_there


def test_a_question_that_nobody_can_answer_names_the_option() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from provision.cli.output import Output\nOutput().confirm('Go on?', yes=False)",
        ],
        env={"PYTHONPATH": str(places.CHECKOUT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "nobody is there to answer" in done.stderr and "Give --yes." in done.stderr
    assert Output().confirm("Go on?", yes=True)
    assert issubclass(UsageError, Exception)


def test_columns_are_aligned() -> None:
    assert columns(("A", "LONG"), [("xyz", "1"), ("x", "")]) == ["A    LONG", "xyz  1", "x"]


ODD = "gate: \x1b]0;owned\x07\x1b[2Jred\x9b31m\rgreen\tand\nmore"
PLAIN = "gate: ]0;owned[2Jred31mgreen\tand\nmore"


def test_words_of_a_host_do_nothing_to_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Lines().warn(ODD)
    assert exit_code_of(lambda: _refuse(ODD)) == 1
    assert capsys.readouterr().err == f"warning: {PLAIN}\npod main: {PLAIN}. Look.\n"
    Output().show([ODD], None)
    assert capsys.readouterr().out == f"{ODD}\n", "in a file a secret is what it is"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Output().show([ODD], None)
    assert capsys.readouterr().out == f"{PLAIN}\n"


def test_words_that_are_drawn_do_nothing_to_a_terminal_either() -> None:
    said = on_a_terminal(WORK.replace("halfway", "half\\x1b]0;owned\\x07way"))
    assert "\x1b]0;" not in said and "half]0;ownedway" in said


def _refuse(what: str) -> None:
    raise Refusal("pod main", what, "Look.")
