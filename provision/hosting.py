"""A host's stage as it stands now: the fleet file, the vault, and what the host says of itself."""

from __future__ import annotations

from pathlib import Path

from provision.converge.stage import HostStage, stage_host
from provision.fleet.model import Fleet, Host
from provision.fleet.secrets import Vault
from provision.hosts.facts import HostFacts
from provision.releases.runtime import runtime_tarball
from provision.releases.signature import allowed_signers
from provision.watched import watch_secrets


def staged_host(
    fleet: Fleet, host: Host, facts: HostFacts, vault: Vault, directory: Path
) -> HostStage:
    """Rendered into the private `directory`: what is secret in it leaves only for the host."""
    runtime = runtime_tarball(facts.python, facts.architecture)
    secrets = watch_secrets(fleet, host, vault)
    return stage_host(fleet, host, runtime, allowed_signers(vault), directory, secrets)
