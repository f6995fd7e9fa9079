"""A PostgreSQL cluster and a Redis of a test's own: unix sockets only, as an unprivileged user."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pg8000.native  # type: ignore[import-untyped]

from provision.contract import MONITOR_USER
from provision.staging import MONITOR_MAY

_POSTGRES = Path("/usr/lib/postgresql")
_NOBODY = "nobody"
_START_SECONDS = 30.0


def binary(name: str) -> str:
    """The path of a program that the test needs; fails where it is not installed."""
    newest = sorted(_POSTGRES.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = (
        str(newest[-1]) if newest else shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    )
    if found is None:
        raise AssertionError(f"{name} is not on this machine: ./check installs what it needs")
    return found


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A short path, for sockets, that the unprivileged user owns."""
    with tempfile.TemporaryDirectory(prefix="podfleet-") as name:
        own(Path(name))
        yield Path(name)


def own(path: Path) -> None:
    """Gives it to the user that the servers run as."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam(_NOBODY)
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


class Server:
    """A process that can be started, stopped and frozen."""

    def __init__(self, argv: Sequence[str], where: Path) -> None:
        self._argv, self._where = list(argv), where
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, answers: Path) -> None:
        """Back when something listens on the socket."""
        with (self._where / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._argv, cwd=self._where, stdout=log, stderr=log, **_unprivileged()
            )
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(answers):
            assert time.monotonic() < deadline, (self._where / "server.log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        # For PostgreSQL a fast shutdown, for Redis one like any other.
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class Postgres(Server):
    """A cluster; whoever asks is let in by the name it says."""

    def __init__(self, where: Path) -> None:
        self.sockets = where / "sockets"
        self.sockets.mkdir()
        own(self.sockets)
        data = where / "data"
        settings = ("listen_addresses=", "fsync=off", "shared_buffers=16MB", "max_connections=20")
        each = [part for setting in settings for part in ("-c", setting)]
        argv = [binary("postgres"), "-D", str(data), "-k", str(self.sockets), "-p", "5432", *each]
        super().__init__(argv, where)
        subprocess.run(
            [binary("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N",
             "--no-locale", "-E", "UTF8"],
            check=True, capture_output=True, cwd=where, **_unprivileged(),
        )  # fmt: skip

    @property
    def socket(self) -> Path:
        return self.sockets / ".s.PGSQL.5432"

    def begin(self) -> None:
        self.start(self.socket)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                return self.run("SELECT 1")
            except pg8000.native.Error:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def run(self, *statements: str, database: str = "postgres") -> None:
        connection = self.connect(database)
        try:
            for statement in statements:
                connection.run(statement)
        finally:
            connection.close()

    def connect(self, database: str) -> Any:
        return pg8000.native.Connection(
            "postgres", database=database, unix_sock=str(self.socket), timeout=30
        )


class Redis(Server):
    """A Redis; the monitor's user of its ACL may read, and needs no password."""

    def __init__(self, where: Path, unixsocket: Path) -> None:
        self.where, self.unixsocket = where, unixsocket
        users = where / "users.acl"
        may = " ".join(MONITOR_MAY)
        users.write_text(
            "user default on nopass ~* &* +@all\n"
            # As the template of a pod's Redis has it.
            f"user {MONITOR_USER} on nopass resetkeys %R~* resetchannels -@all {may}\n"
        )
        argv = (
            binary("redis-server"), "--port", "0", "--unixsocket", str(unixsocket), "--dir",
            str(where), "--save", "", "--aclfile", str(users),
        )  # fmt: skip
        super().__init__(argv, where)

    def begin(self) -> None:
        self.start(self.unixsocket)


def _unprivileged() -> dict[str, Any]:
    is_root = os.geteuid() == 0
    return {"user": _NOBODY, "group": pwd.getpwnam(_NOBODY).pw_gid} if is_root else {}


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
