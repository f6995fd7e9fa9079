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
    # `|| true`: at first there may be no such directory.
    seen = host.get_fact(
        Command,
        StringCommand("getfacl -cp", QuoteString(path), "2>/dev/null || true").get_raw_value(),
    )
    if f"user:{user}:--x" in (seen or "").splitlines():
        host.noop(f"{user} may enter {path} already")
        return
    yield StringCommand("setfacl", "--modify", f"u:{user}:--x", QuoteString(path))


@operation()
def may_read_below(path: str, user: str) -> Generator[StringCommand, None, None]:
    """`user` may read the directory at `path` and its files, also those that come later."""
    seen = host.get_fact(
        Command,
        StringCommand("getfacl -cp", QuoteString(path), "2>/dev/null || true").get_raw_value(),
    )
    lines = [line.partition("\t")[0] for line in (seen or "").splitlines()]
    if {f"user:{user}:r-x", f"default:user:{user}:r-x"} <= set(lines):
        host.noop(f"{user} may read {path} already")
        return
    yield StringCommand("setfacl", "--recursive", "--modify", f"u:{user}:rX", QuoteString(path))
    yield StringCommand("setfacl", "--default", "--modify", f"u:{user}:r-x", QuoteString(path))
