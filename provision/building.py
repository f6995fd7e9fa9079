"""The verb build: every release that a fleet's pods name, built once, found again afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provision.errors import UsageError
from provision.fleet.model import Fleet
from provision.fleet.secrets import open_vault
from provision.hosts.connection import Connection
from provision.hosts.providers import as_it_runs, connect
from provision.looking import select
from provision.releases.build import ensure_artifact, stored_artifact
from provision.releases.store import Artifact
from provision.report import Report


def build(
    fleet: Fleet,
    report: Report,
    *,
    pods: Sequence[str] = (),
    hosts: Sequence[str] = (),
    on: str | None = None,
    dry_run: bool = False,
    deep: bool = False,
) -> list[Artifact]:
    """The artifacts of the selected pods, each one once, built here or `on` a host.

    They fit the builder's architecture. `deep` builds anew what is in the store; with `dry_run`
    the report says what would be built, and only what is in the store is returned.
    """
    chosen, host = select(fleet, pods, hosts), _builder(fleet, on, report)
    if dry_run:
        found = [stored_artifact(pod, report, on=host) for pod in chosen]
        for pod in (pod for pod, artifact in zip(chosen, found, strict=True) if not artifact):
            report.line(f"pod {pod.name}: {pod.release} would be built")
        return _once([artifact for artifact in found if artifact])
    vault = open_vault(fleet)
    vault.ensure_fleet()
    built: dict[object, Artifact] = {}
    for pod in chosen:
        same = (pod.release, pod.source, pod.customisations)
        if same not in built:
            built[same] = ensure_artifact(pod, vault, report, on=host, anew=deep)
    return _once(list(built.values()))


def _builder(fleet: Fleet, on: str | None, report: Report) -> Connection | None:
    if on is None:
        return None
    if on not in fleet.hosts:
        known = ", ".join(fleet.hosts)
        raise UsageError("--on", f"the fleet has no host {on}", f"Name one of: {known}.")
    running = as_it_runs(fleet)
    return connect(running, running.hosts[on], report)


def _once(artifacts: Sequence[Artifact]) -> list[Artifact]:
    return list({artifact.release_id: artifact for artifact in artifacts}.values())


def artifact_line(artifact: Artifact) -> str:
    """One artifact to read: what it is, its size, its date, where it is."""
    manifest = artifact.manifest
    size = f"{manifest.tarball_bytes / 1e6:.1f} MB"
    return f"{artifact.release_id}  {size}  {manifest.built_at}  {artifact.path}"


def artifact_json(artifact: Artifact) -> dict[str, Any]:
    """`build --json`: one object an artifact."""
    return {
        "release_id": artifact.release_id,
        "path": str(artifact.path),
        "bytes": artifact.manifest.tarball_bytes,
        "built_at": artifact.manifest.built_at,
        "commit": artifact.manifest.commit,
        "architecture": artifact.manifest.architecture,
    }
