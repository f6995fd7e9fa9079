"""testinfra over podfleet's own connection: the pinned host key, one shared SSH channel, root."""

from __future__ import annotations

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host as Machine

from provision.hosts.connection import Connection


class ConnectionBackend(BaseBackend):  # type: ignore[misc]
    """What testinfra runs goes through a Connection, as root."""

    NAME = "podfleet"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        super().__init__(connection.name)

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        """Runs a shell command of testinfra's; its arguments are quoted by testinfra."""
        text = self.get_command(command, *args)
        done = self._connection.run(["/bin/sh", "-c", text], check=False)
        return self.result(done.returncode, text.encode(), done.stdout, done.stderr)


def machine(connection: Connection) -> Machine:
    """testinfra's view of a host."""
    backend = ConnectionBackend(connection)
    found = Machine(backend)
    backend.set_host(found)
    return found
