"""The process: on the socket that it is handed, on one of its own, and gone when idle."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.monitoring.dashboard.running import CHECKOUT, ended, free_port

_ARGV = [sys.executable, "-P", "-m", "monitoring.dashboard"]
_HANDED = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "dashboard.json"
    path.write_text(json.dumps({"prometheus": f"http://127.0.0.1:{free_port()}", "own_seconds": 30,
                                "of a newer release": 1}))  # fmt: skip
    return path


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CHECKOUT)}


def _connect(path: Path) -> socket.socket:
    end = time.monotonic() + 20
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
            return connection
        except OSError:
            connection.close()
            assert time.monotonic() < end
            time.sleep(0.05)


def _asked(path: Path) -> bytes:
    with _connect(path) as connection:
        connection.sendall(b"GET /icon.svg HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


@pytest.fixture
def handed(settings: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """As systemd starts it: with its socket as descriptor 3; idle after two seconds."""
    path = tmp_path / "socket"
    argv = [sys.executable, "-c", _HANDED, str(path), *_ARGV, "--settings", str(settings)]
    process = subprocess.Popen([*argv, "--idle-seconds", "2"], env=_environment(), cwd=CHECKOUT,
                               text=True)  # fmt: skip
    with ended(process):
        yield process, path


def test_on_the_socket_that_it_is_handed_and_gone_when_idle(
    handed: tuple[subprocess.Popen[str], Path],
) -> None:
    process, path = handed
    assert _asked(path).startswith(b"HTTP/1.1 200")
    assert process.poll() is None
    assert process.wait(20) == 0
    # It is systemd's: the socket stays.
    assert path.exists()


def test_it_stays_while_it_is_asked(handed: tuple[subprocess.Popen[str], Path]) -> None:
    process, path = handed
    began = time.monotonic()
    while time.monotonic() - began < 5:
        assert _asked(path).startswith(b"HTTP/1.1 200")
        time.sleep(0.5)
    assert process.poll() is None
    assert process.wait(20) == 0


def test_an_open_connection_alone_does_not_keep_it(
    handed: tuple[subprocess.Popen[str], Path],
) -> None:
    process, path = handed
    with _connect(path):
        assert process.wait(25) == 0


def test_on_a_socket_of_its_own(settings: Path, tmp_path: Path) -> None:
    path = tmp_path / "own"
    argv = [*_ARGV, "--settings", str(settings), "--uds", str(path)]
    with ended(subprocess.Popen(argv, env=_environment(), cwd=CHECKOUT)) as process:
        assert _asked(path).startswith(b"HTTP/1.1 200")
    # uvicorn ends by the signal that it was told to end by.
    assert process.returncode in (0, -signal.SIGTERM)


@pytest.mark.parametrize("text", ["", "[]", '{"fleet": '])
def test_settings_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    argv = [*_ARGV, "--settings", str(path), "--port", "0"]
    done = subprocess.run(argv, env=_environment(), cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 1
    assert str(path) in done.stderr and "Traceback" not in done.stderr


def test_without_a_socket_it_says_so(settings: Path) -> None:
    argv = [*_ARGV, "--settings", str(settings)]
    done = subprocess.run(argv, env=_environment(), cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--port" in done.stderr
