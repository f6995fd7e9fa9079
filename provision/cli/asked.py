"""What the command line asked for: which fleet, which pods and hosts, how boldly, shown how."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.cli.output import Output

if TYPE_CHECKING:
    from provision.fleet.model import Fleet


@dataclass(frozen=True)
class Asked:
    """The options that verbs share; a verb's own come beside it."""

    output: Output
    fleet_name: str | None = None
    pods: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    dry_run: bool = False
    deep: bool = False
    yes: bool = False

    def fleet(self, to: str | None = None) -> Fleet:
        """The fleet that was named, loaded; the lab when none was. `to` is the version that the
        pods asked for are bound for: its settings are the ones that the file may name."""
        from provision.fleet.checks import BoundFor
        from provision.fleet.loading import load_fleet
        from provision.hosts.providers import as_it_runs

        return as_it_runs(load_fleet(self.fleet_name, BoundFor(to, self.pods, self.hosts)))

    @property
    def fleet_words(self) -> str:
        """What names the same fleet in a command to come; nothing where the lab was meant."""
        return f" --fleet {shlex.quote(self.fleet_name)}" if self.fleet_name else ""

    def in_fleet(self, name: str | None) -> Asked:
        """The same, of the fleet that a verb took by a way of its own."""
        return Asked(**{**self.__dict__, "fleet_name": name})
