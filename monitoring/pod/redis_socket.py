"""Redis over its unix socket: just what reading takes, with every wait and every reply bounded.

The library of that name costs as much memory as the rest of the monitor, and takes a reply into
memory as a whole; here a long reply is handed on piece by piece, and a huge piece is skipped.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

# A job that is larger than this is not looked into.
MOST_BYTES = 4 * 1024 * 1024
_SKIP_BYTES = 64 * 1024
_MOST_LINE = 64 * 1024

Part = str | bytes | int
Reply: TypeAlias = "bytes | int | RedisError | list[Reply] | None"


class RedisError(Exception):
    """What Redis answered instead; `code` is its first word: NOPERM, LOADING, WRONGPASS."""

    def __init__(self, said: bytes) -> None:
        self.code = said.split(b" ", 1)[0].decode("ascii", "replace")
        # The rest of the words may quote a key or an argument.
        super().__init__(self.code)


class NotRedis(OSError):
    """What answers breaks the protocol, or ended in the middle."""


class RedisSocket:
    """One connection, as a user of Redis' ACL that needs no password."""

    def __init__(self, path: Path, user: str, *, timeout_seconds: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(timeout_seconds)
            self._socket.connect(str(path))
            self._file = self._socket.makefile("rb", buffering=_SKIP_BYTES)
            self.ask("AUTH", user, "")
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> RedisSocket:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, *command: Part) -> Reply:
        """The reply to one command; an error of Redis is raised."""
        reply = self.ask_all([command])[0]
        if isinstance(reply, RedisError):
            raise reply
        return reply

    def ask_all(self, commands: Sequence[Sequence[Part]]) -> list[Reply]:
        """The replies to several commands, sent at once; errors stand among them."""
        self._socket.sendall(b"".join(_encoded(command) for command in commands))
        return [self._reply() for _ in commands]

    def ask_for_many(self, *command: Part) -> Iterator[Reply]:
        """The parts of one long reply, one after the other; all must be taken."""
        self._socket.sendall(_encoded(command))
        kind, rest = self._line()
        if kind == b"-":
            raise RedisError(rest)
        if kind != b"*":
            raise NotRedis("a list was to come")
        for _ in range(max(0, _whole(rest))):
            yield self._reply()

    def _reply(self) -> Reply:
        kind, rest = self._line()
        if kind == b"$":
            return self._bulk(_whole(rest))
        if kind == b"+":
            return rest
        if kind == b":":
            return _whole(rest)
        if kind == b"-":
            return RedisError(rest)
        if kind == b"*":
            size = _whole(rest)
            return None if size < 0 else [self._reply() for _ in range(size)]
        raise NotRedis("an unknown kind of reply came")

    def _bulk(self, size: int) -> bytes | None:
        """The text; None where there is none, or where it is too large to be looked into."""
        if size < 0:
            return None
        if size <= MOST_BYTES:
            return self._exactly(size + 2)[:-2]
        left = size + 2
        while left:
            left -= len(self._exactly(min(left, _SKIP_BYTES)))
        return None

    def _exactly(self, size: int) -> bytes:
        read: bytes = self._file.read(size)
        if len(read) != size:
            raise NotRedis("the connection ended in the middle")
        return read

    def _line(self) -> tuple[bytes, bytes]:
        line = self._file.readline(_MOST_LINE)
        if not line.endswith(b"\r\n"):
            raise NotRedis("the connection ended in the middle")
        return line[:1], line[1:-2]


def _encoded(command: Sequence[Part]) -> bytes:
    parts = [each if isinstance(each, bytes) else str(each).encode() for each in command]
    sized = [b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]
    return b"*%d\r\n" % len(parts) + b"".join(sized)


def _whole(text: bytes) -> int:
    try:
        return int(text)
    except ValueError:
        raise NotRedis("a number was to come") from None
