"""The lab's processes on the controller's side: name server, package proxy, ACME server."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provision.lab.acme import ENVIRONMENT, Acme
from provision.lab.memory import Group
from provision.lab.names import dnsmasq_argv
from provision.lab.network import GATEWAY, Network
from provision.lab.packages import PORT
from provision.lab.processes import read_record, start_detached
from provision.places import CHECKOUT

# They are held to nothing: the group only keeps them together.
MEMORY_BYTES = 1 << 40


@dataclass(frozen=True)
class Services:
    """Their records, logs and files below one directory."""

    directory: Path
    cache: Path
    network: Network

    @property
    def acme(self) -> Acme:
        return Acme(self.directory / "acme", self.network)

    @property
    def _group(self) -> Group:
        """Their own, so that they do not end with the session that brought the lab up."""
        return Group(f"{self.network.key}services")

    @property
    def mirror_mode(self) -> Path:
        """`online`, `offline` or `down`, as packages.py reads it."""
        return self.directory / "mirror-mode"

    @property
    def proxy(self) -> str:
        return f"http://{self.network.address(GATEWAY)}:{PORT}"

    def up(self, names: Mapping[str, int]) -> None:
        """Starts what does not run, and starts anew what would be called otherwise now."""
        (self.directory / "log").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._group.create(MEMORY_BYTES)
        self._ensure("dnsmasq", dnsmasq_argv(self.network, names))
        proxy = [sys.executable, "-m", "provision.lab.packages", self.network.address(GATEWAY)]
        proxy += [str(PORT), str(self.cache / "packages"), str(self.mirror_mode)]
        self._ensure("packages", proxy, {"PYTHONPATH": str(CHECKOUT)})
        if self._ensure("pebble", self.acme.prepare(), ENVIRONMENT):
            self.acme.fetch_root()

    def _ensure(
        self, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> bool:
        """Whether the process had to be started."""
        record, called = self.directory / f"{name}.json", self.directory / f"{name}.argv"
        line = "\n".join(argv)
        running = read_record(record)
        if running and called.exists() and called.read_text() == line:
            return False
        if running:
            running.stop()
        log = self.directory / "log" / f"{name}.log"
        cgroups = self._group.directories()
        start_detached(argv, record, log, cgroups=cgroups, environment=environment)
        called.write_text(line)
        return True

    def down(self) -> None:
        """Ends them all."""
        for name in ("pebble", "packages", "dnsmasq"):
            running = read_record(self.directory / f"{name}.json")
            if running:
                running.stop()
        self._group.kill()
        self._group.remove()
