"""Nobody is locked out: after the SSH server's settings changed, a new session must be possible."""

from __future__ import annotations

import subprocess

from provision.errors import Refusal
from provision.hosts.connection import Connection

_DROP_IN = "/etc/ssh/sshd_config.d/00-podfleet.conf"


def keep_the_way_in(connection: Connection) -> None:
    """Sign in anew, beside the open connection; where that fails, take the settings back."""
    # The first value counts: this one comes before the shared connection's.
    argv = ["ssh", "-o", "ControlPath=none", *connection.ssh_common_args()]
    argv += [connection.endpoint.destination, "--", "true"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    connection.run(["rm", "--force", "--", _DROP_IN])
    connection.run(["systemctl", "restart", "ssh.service"])
    raise Refusal(
        f"host {connection.name}, role ssh",
        f"no new session was possible with keys alone: {done.stderr.strip()}",
        f"The settings in {_DROP_IN} were taken back. See why the key is not accepted "
        "(journalctl -u ssh on the host), then run podfleet up again.",
    )
