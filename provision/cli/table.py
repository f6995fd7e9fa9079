"""The table of verbs: every verb's name, its function, and which shared options it takes.

A verb's help is its function's docstring; its own options are the function's parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provision.cli.options import Takes
from provision.cli.verbs import (
    acting,
    lab,
    looking,
    making,
    moving,
    observing,
    secrets,
    upgrading,
    watching,
)

LOOKS = Takes.WHERE
OF_A_POD = Takes.FLEET_OPTION | Takes.JSON


@dataclass(frozen=True)
class Verb:
    """One row: `name` may be of two words, as `lab up` is."""

    name: str
    run: Callable[..., Any]
    takes: Takes


VERBS: tuple[Verb, ...] = (
    Verb("init", making.init, Takes.JSON | Takes.YES),
    Verb("validate", making.validate, LOOKS),
    Verb("plan", looking.plan, LOOKS | Takes.DEEP),
    Verb("build", acting.build, LOOKS | Takes.DRY_RUN | Takes.DEEP),
    Verb("up", acting.up, Takes.ACTS),
    Verb("launch", acting.launch, Takes.ACTS),
    Verb("configure", acting.configure, Takes.ACTS),
    Verb("upgrade", upgrading.upgrade, LOOKS | Takes.DRY_RUN | Takes.DEEP),
    Verb("rollback", upgrading.rollback, Takes.FLEET | Takes.PODS | Takes.JSON | Takes.DRY_RUN),
    Verb("releases", upgrading.releases, LOOKS),
    Verb("history", upgrading.history, LOOKS),
    Verb("status", looking.status, LOOKS),
    Verb("verify", watching.verify, LOOKS),
    Verb("observe", observing.observe, Takes.FLEET | Takes.JSON),
    Verb("canary", watching.canary, Takes.FLEET | Takes.PODS | Takes.JSON),
    Verb("peers", watching.peers, Takes.FLEET | Takes.PODS | Takes.JSON),
    Verb("probe", watching.probe, Takes.JSON),
    Verb("follow", looking.follow, LOOKS),
    Verb("logs", looking.logs, Takes.FLEET_OPTION),
    Verb("exec", looking.execute, Takes.FLEET_OPTION),
    Verb("export", moving.export, LOOKS | Takes.DRY_RUN | Takes.YES),
    Verb("retire", moving.retire, LOOKS | Takes.DRY_RUN | Takes.YES),
    Verb("secrets show", secrets.show, OF_A_POD),
    Verb("secrets set", secrets.set_, OF_A_POD),
    Verb("secrets rotate", secrets.rotate, OF_A_POD | Takes.YES),
    Verb("schema", making.schema, Takes.NONE),
    Verb("lab up", lab.up, Takes.FLEET | Takes.JSON),
    Verb("lab info", lab.info, Takes.FLEET | Takes.JSON),
    Verb("lab ssh", lab.ssh, Takes.FLEET_OPTION),
    Verb("lab kill", lab.kill, Takes.FLEET_OPTION),
    Verb("lab boot", lab.boot, Takes.FLEET_OPTION),
    Verb("lab cut", lab.cut, Takes.FLEET_OPTION),
    Verb("lab heal", lab.heal, Takes.FLEET_OPTION),
    Verb("lab down", lab.down, Takes.FLEET | Takes.YES),
)

GROUPS = {
    "lab": "Throw-away hosts on this machine, and what can befall them.",
    "secrets": "What the fleet's vault keeps: passwords, keys, secret settings.",
}
