"""A lab's guest as the platform's tests use it: converge it, run something on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from provision.converge.run import ConvergeResult, converge
from provision.converge.stage import HostStage, stage_host
from provision.fleet.model import Acme, Fleet, Host
from provision.hosts.connection import Connection
from provision.lab.lab import Lab
from provision.releases.runtime import runtime_tarball

SIGNERS = 'podfleet namespaces="podfleet-release" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample\n'
# A user of the pods' range; no such account is needed for the firewall to know it.
POD_UID = 5001


@dataclass(frozen=True)
class PlatformHost:
    """A guest with all that converging it takes."""

    lab: Lab
    fleet: Fleet
    host: Host
    connection: Connection
    stage: HostStage

    def converge(self, **settings: Any) -> ConvergeResult:
        return converge(self.fleet, self.host, self.connection, self.stage, **settings)

    def changes(self, **settings: Any) -> list[str]:
        """What a run changed, as text."""
        return [str(change) for change in self.converge(**settings).changed]

    def shell(self, script: str, *arguments: str, check: bool = True) -> str:
        """What a script says on the guest."""
        argv = ["sh", "-c", script, "test", *arguments]
        done = self.connection.run(argv, check=check)
        return (done.stdout + done.stderr).decode().strip()

    def code(self, *argv: str) -> int:
        """How a command ends on the guest."""
        return self.connection.run(argv, check=False).returncode

    def code_as_pod(self, *argv: str) -> int:
        """The same as a pod's user."""
        user = ["setpriv", f"--reuid={POD_UID}", f"--regid={POD_UID}", "--clear-groups", "--"]
        return self.code(*user, *argv)


def platform_host(lab: Lab, name: str, directory: Path) -> PlatformHost:
    """A guest of the lab, staged for its own network and ACME server; nothing ran over it yet."""
    network = lab.network()
    reachable = (ip_network(f"{network.address(0)}/24"), ip_network(f"{network.address6(0)}/64"))
    host = Host(name=name, provider="lab", memory="2 GiB", reachable_networks=reachable)
    fleet = Fleet(
        name="platform",
        file=directory / "fleet.toml",
        keeps=directory,
        acme=Acme(directory=lab.acme_directory, contact="admin@example.org"),
        hosts={name: host},
        pods={},
        lead_pod="alpha",
    )
    runtime = runtime_tarball("3.13", "x86_64")
    stage = stage_host(fleet, host, runtime, SIGNERS, directory / "stage")
    return PlatformHost(lab, fleet, host, lab.connection(name), stage)


def wait_until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Asks again and again, for so long at most."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.2)
