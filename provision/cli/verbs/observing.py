"""The verb that shows the fleet's dashboard: observe."""

from __future__ import annotations

from typing import Annotated

import typer

from provision.cli.asked import Asked
from provision.errors import Exit


def observe(
    asked: Asked,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port on this machine; any unless told.")
    ] = 0,
) -> int:
    """Open a tunnel to the fleet's dashboard, and print its address.

    It stays open until Ctrl-C. Nothing is exposed: the dashboard listens on a socket of its host.
    """
    from provision.observing import await_end, dashboard
    from provision.watching import monitoring_of

    with asked.output.progress() as report:
        fleet = asked.fleet()
        with dashboard(fleet, report, port) as (url, tunnel):
            asked.output.show([url, "Ctrl-C closes it."], {"url": url})
            try:
                await_end(monitoring_of(fleet).host, tunnel)
            except KeyboardInterrupt:
                # As was said: nothing has been interrupted that would go on.
                return Exit.INTERRUPTED
