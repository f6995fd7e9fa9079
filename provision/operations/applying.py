"""Carries out effects: what configure does to a running pod, and does again on its way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provision.operations import presence
from provision.operations.commands import succeeds, systemctl
from provision.operations.effects import (
    DAEMON_RELOAD,
    ENABLE,
    RELOAD,
    RESTART,
    START,
    Effect,
    unit_names,
)


def carry_out(effects: Sequence[Effect], pod: dict[str, Any]) -> None:
    """In their order. A unit that does not come back is told by the gates, in its own words."""
    actions = {effect.action for effect in effects}
    if DAEMON_RELOAD in actions:
        presence.reload_systemd()
    for effect in effects:
        if effect.action == ENABLE:
            systemctl("enable", "--quiet", effect.unit)
    _restart([effect.unit for effect in effects if effect.action == RESTART], pod)
    if starting := [effect.unit for effect in effects if effect.action == START]:
        succeeds(["systemctl", "reset-failed", *starting])
        succeeds(["systemctl", "start", *starting])
    if RELOAD in actions:
        presence.reload_nginx()


def _restart(units: Sequence[str], pod: dict[str, Any]) -> None:
    """Redis before those that need it; then the others at once, each waiting only for itself."""
    names = unit_names(pod)
    if names["redis"] in units:
        systemctl("restart", names["redis"])
    if names["socket"] in units:
        # systemd refuses to open a socket whose service still holds it.
        systemctl("stop", names["web"])
        systemctl("restart", names["socket"])
    rest = [unit for unit in units if unit not in (names["redis"], names["socket"])]
    if rest:
        succeeds(["systemctl", "reset-failed", *rest])
        succeeds(["systemctl", "restart", *rest])
