"""Locks: who comes second is told who holds it; a killed holder leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.operations.locks import holder, host_lock, pod_lock

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def held_by_another(path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_the_second_operation_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = held_by_another(path)
    with pytest.raises(Refusal, match=str(process.pid)), pod_lock(path):
        pytest.fail("two held it")
    process.kill()
    process.communicate()
    with pod_lock(path):
        assert str(process.pid) not in holder(path)


def test_the_host_lock_waits_says_so_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "host.lock"
    process = held_by_another(path)
    said: list[str] = []
    entered = threading.Event()

    def wait() -> None:
        with host_lock(said.append, path):
            entered.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not entered.wait(0.5)
    assert str(process.pid) in said[0]
    process.kill()
    process.communicate()
    thread.join(timeout=10)
    assert entered.is_set()


def test_operations_share_the_host_lock(tmp_path: Path) -> None:
    path = tmp_path / "host.lock"
    said: list[str] = []
    with host_lock(said.append, path), host_lock(said.append, path):
        assert said == []
