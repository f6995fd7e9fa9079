"""The host's stage: every file of the platform rendered, and what the last role stamps.

The digest covers all that the roles act upon: the files, their variables, and the roles' own
text, so that a host is up to date exactly when its stamp has the same digest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.contract import PLATFORM_LEVEL
from provision.converge.ansible import ROLES_DIRECTORY
from provision.converge.files import files_for
from provision.converge.monitoring_files import monitoring_files
from provision.converge.variables import platform_units, role_variables, template_variables
from provision.fleet.model import Fleet, Host
from provision.releases.runtime import Runtime
from provision.render import Stage, read_manifest
from provision.watched import NO_SECRETS, WatchSecrets


@dataclass(frozen=True)
class HostStage:
    """A finished stage of one host, with what its roles are told."""

    root: Path
    digest: str
    variables: dict[str, dict[str, Any]]
    runtime: Runtime

    @property
    def manifest(self) -> dict[str, Any]:
        return read_manifest(self.root)


def stage_host(
    fleet: Fleet,
    host: Host,
    runtime: Runtime,
    signers: str,
    directory: Path,
    secrets: WatchSecrets = NO_SECRETS,
) -> HostStage:
    """Render what this host shall have; `signers` is the text of allowed_signers."""
    stage = Stage(directory)
    variables = role_variables(fleet, host, runtime.version)
    told = template_variables(fleet, host, signers, runtime.version, secrets)
    for file in files_for(fleet, host):
        stage.add(file.template, file.path, file.mode, file.owner, file.group, **told)
    for file, source, more in monitoring_files(fleet, host, secrets.of_programs()):
        stage.add(source, file.path, file.mode, file.owner, file.group, **more)
    digest = stage.finish(
        level=PLATFORM_LEVEL,
        runtime=runtime.version,
        units=platform_units(fleet, host),
        roles=variables,
        recipe=_roles_digest(),
    )
    return HostStage(directory, digest, variables, runtime)


def _roles_digest() -> str:
    """Digest of the roles' text: a changed task is a changed platform."""
    digest = hashlib.sha256()
    for path in sorted(ROLES_DIRECTORY.rglob("*.yml")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{content}  {path.relative_to(ROLES_DIRECTORY).as_posix()}\n".encode())
    return digest.hexdigest()
