"""Pyinfra operations that pyinfra lacks: what one user more may do with a directory, by ACLs."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.operation import operation
from pyinfra.context import host
from pyinfra.facts.server import Command


@operation()
def may_enter(path: str, user: str) -> Generator[StringCommand, None, None]:
    """`user` may pass through the directory at `path`, and do nothing else there."""
    if f"user:{user}:--x" in _rights(path):
        host.noop(f"{user} may enter {path} already")
        return
    yield StringCommand("setfacl", "--modify", f"u:{user}:--x", QuoteString(path))


@operation()
def may_read_below(path: str, user: str) -> Generator[StringCommand, None, None]:
    """`user` may read the directory at `path` and its files, also those that come later."""
    lines = {line.partition("\t")[0] for line in _rights(path)}
    if {f"user:{user}:r-x", f"default:user:{user}:r-x"} <= lines:
        host.noop(f"{user} may read {path} already")
        return
    yield StringCommand("setfacl", "--recursive", "--modify", f"u:{user}:rX", QuoteString(path))
    yield StringCommand("setfacl", "--default", "--modify", f"u:{user}:r-x", QuoteString(path))


def _rights(path: str) -> list[str]:
    """The lines of its ACL; at first there may be no such directory, and so none (`|| true`)."""
    asked = StringCommand("getfacl -cp", QuoteString(path), "2>/dev/null || true")
    return (host.get_fact(Command, asked.get_raw_value()) or "").splitlines()
