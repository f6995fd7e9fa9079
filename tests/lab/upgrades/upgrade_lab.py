"""A lab whose pods change releases: the operations alone, started as the controller starts them."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.federation import introduce_pods
from provision.fleet.loading import load_fleet
from provision.fleet.upgrades import kinds_for
from provision.hosts import providers
from provision.operations import dispatch
from provision.operations.dispatch import Outcome
from provision.releases.build import ensure_artifact
from provision.releases.ship import ship
from provision.releases.store import Artifact
from provision.report import Lines, Silent
from provision.staging import stage_pod
from tests.lab.operations.pod_lab import PodLab
from tests.lab.upgrades.sql import sql

FIRST, PLAIN, EXPAND, BREAKING = "1.0.0.0", "1.1.0.0", "1.2.0.0", "1.3.0.0"
HOST, HOST_MEMORY_MB = "one", 2048
HEAD = """
[hosts.one]
provider = "lab"
memory = "2 GiB"
"""


@dataclass
class UpgradeLab(PodLab):
    """PodLab, and what upgrades need: several releases, each built once and kept."""

    head: str = HEAD
    # What the fleet file names for each pod; the first release unless a test says another one.
    versions: dict[str, str] = field(default_factory=dict)
    built: dict[str, Artifact] = field(default_factory=dict)

    def _pod(self, name: str, host: str) -> str:
        named = f'release = "{self.versions.get(name, FIRST)}"'
        return super()._pod(name, host).replace(f'release = "{FIRST}"', named)

    def name_release(self, pod: str, version: str) -> None:
        """The fleet file names that version for the pod."""
        self.versions[pod] = version
        self.write_file()

    def artifact(self, pod: str) -> Artifact:
        """The release that the fleet file names, shipped to the pod's host."""
        self.vault.ensure_pod(pod)
        version = self.versions.get(pod, FIRST)
        if version not in self.built:
            self.built[version] = self._own(ensure_artifact(self.pod(pod), self.vault, Lines()))
        ship(self.built[version], self.connection(self.host_of(pod)))
        return self.built[version]

    def _own(self, artifact: Artifact) -> Artifact:
        """A copy that stays, though others build and prune in the store meanwhile."""
        assert artifact.signature is not None
        where = self.directory / "releases" / artifact.release_id
        where.mkdir(parents=True, exist_ok=True)
        for path in (artifact.path, artifact.manifest_path):
            shutil.copy(path, where / path.name)
        shutil.copy(artifact.signature, where / "signature")
        return replace(artifact, directory=where, signature=where / "signature")

    def launch(self, *pods: str) -> None:
        """Launched and, where there are several, introduced to each other."""
        for pod in pods:
            self.run(pod, "launch")
            token = dispatch.fetch_canary_token(self.connection(self.host_of(pod)), pod)
            self.vault.set(f"pods.{pod}.canary", token)
        fleet = providers.as_it_runs(load_fleet(str(self.directory)))
        connections = {host: self.connection(host) for host in set(self.pods.values())}
        introduce_pods(fleet, self.vault, connections, Silent())

    # -- operations ------------------------------------------------------------------------

    def start(self, pod: str, operation: str, **parameters: Any) -> str:
        """Begins an operation, and leaves it alone; its id."""
        if operation == "upgrade":
            return self._start_upgrade(pod, **parameters)
        if operation != "rollback":
            return super().start(pod, operation, **parameters)
        words = {"gate_seconds": 0, "host_memory_mb": HOST_MEMORY_MB, **parameters}
        connection = self.connection(self.host_of(pod))
        return dispatch.start(connection, self.fleet, self.pod(pod), "rollback", None, words)

    def _start_upgrade(self, pod: str, to: str, **parameters: Any) -> str:
        self.name_release(pod, to)
        artifact, connection = self.artifact(pod), self.connection(self.host_of(pod))
        words = {
            "kinds": dict(kinds_for(to)),
            "maintenance": False,
            "rehearse": False,
            "gate_seconds": 0,
            "keep_warm_seconds": 3600,
            "host_memory_mb": HOST_MEMORY_MB,
            "refused_ok": True,
            **parameters,
        }
        with tempfile.TemporaryDirectory() as directory:
            staged = stage_pod(
                self.fleet, self.pod(pod), artifact.release_id, self.vault, Path(directory),
                for_gate=True,
            )  # fmt: skip
            return dispatch.start(connection, self.fleet, self.pod(pod), "upgrade", staged, words)

    def upgrade(self, pod: str, to: str, **parameters: Any) -> Outcome:
        return self.run(pod, "upgrade", to=to, **parameters)

    def rollback(self, pod: str, **parameters: Any) -> Outcome:
        return self.run(pod, "rollback", **parameters)

    # -- what the pod is -------------------------------------------------------------------

    def record(self, pod: str) -> dict[str, Any]:
        record = self.facts(pod).record
        assert record is not None
        return record

    def release_id(self, pod: str) -> str:
        return str(self.record(pod)["release_id"])

    def refused(self, pod: str) -> dict[str, str]:
        """Release id -> why, of those that showed themselves broken."""
        said = self.on(self.host_of(pod), "cat", str(PodPlaces(pod).refused), check=False)
        found = json.loads(said) if said.startswith("[") else []
        return {one["release_id"]: one["why"] for one in found}

    def evidence(self, pod: str) -> list[str]:
        """The files that the newest operation kept."""
        script = 'd=$(ls -d "$1"/2* | tail -1); find "$d" -type f -printf "%P\\n"'
        argv = ["sh", "-euc", script, "evidence", str(PodPlaces(pod).operations)]
        return self.on(self.host_of(pod), *argv).split()

    def sql(self, host: str, database: str, statements: str) -> str:
        return sql(self, host, database, statements)
