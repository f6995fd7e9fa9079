"""podfleet on the host: what it ends with, and says, where a program that it calls fails."""

from __future__ import annotations

import subprocess

import pytest

from provision.operations import host_main


def test_a_program_that_fails_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: object) -> int:
        words = b"psql: error: connection to server failed"
        raise subprocess.CalledProcessError(2, ["psql", "-X"], stderr=words)

    monkeypatch.setitem(host_main._VERBS, "releases", fails)
    assert host_main.main(["releases", "main"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("host: `psql` ended with 2: psql: error: connection to server failed. ")
    assert "`podfleet status`" in said and "run the same command again" in said
    assert "Traceback" not in said
