"""A pyinfra operation that pyinfra lacks: one user more may enter a directory, by an ACL."""

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
