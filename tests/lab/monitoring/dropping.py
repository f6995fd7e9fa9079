"""A pod that takes what is sent to it and drops it, by the hand of a careless operator.

What the release 1.1.0.5 of the rehearsal adds is put into the live one. As an upgrade, the
federation gate would have rolled it back: see tests/lab/upgrades.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.lab.rehearsal_source import OVERLAYS, TREE
from tests.lab.monitoring.outage import Clock, is_well, page_until
from tests.lab.monitoring.shown import Dashboard, observed
from tests.lab.monitoring.watching import Watching

POD, HOST = "beta", "one"
BROKEN = "1.1.0.5"
ADDED = "config/initializers/z_broken_receiving.rb"
LIVE = f"/srv/pods/{POD}/current"
RESTART = f"systemctl restart pod-{POD}-sidekiq@$(basename $(readlink {LIVE})).service"


@dataclass
class Dropping:
    """Since `clock` began; `seen` alerts had arrived before."""

    watching: Watching
    dashboard: Dashboard
    clock: Clock
    seen: int

    def mend(self) -> None:
        """The file is gone, and with it all that was wrong."""
        there = f"{LIVE}/{ADDED}"
        self.watching.shell(HOST, f"! test -e {there} || {{ rm {there} && {RESTART}; }}")


@contextlib.contextmanager
def pod_that_drops(watching: Watching) -> Iterator[Dropping]:
    """Mended at the end, whatever happens."""
    code = (TREE / OVERLAYS / BROKEN / ADDED).read_text()
    with observed(watching.fleet) as dashboard:
        page_until(Clock(), dashboard, "all was well before", is_well, 240)
        dropping = Dropping(watching, dashboard, Clock(), len(watching.receiver.alerts))
        watching.shell(HOST, f"echo {shlex.quote(code)} >{LIVE}/{ADDED} && {RESTART}")
        try:
            yield dropping
        finally:
            dropping.mend()
