"""The verb build: every release that a fleet's pods name, built once, found again afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from provision.fleet.model import Fleet
from provision.fleet.secrets import open_vault
from provision.plan import select
from provision.releases.build import ensure_artifact
from provision.releases.store import Artifact
from provision.report import Report


def build(fleet: Fleet, report: Report, *, pods: Sequence[str] = ()) -> list[Artifact]:
    """The artifacts of the selected pods, for this machine's architecture, each one once."""
    vault = open_vault(fleet)
    vault.ensure_fleet()
    found = [ensure_artifact(pod, vault, report) for pod in select(fleet, pods, ())]
    return list({artifact.release_id: artifact for artifact in found}.values())
