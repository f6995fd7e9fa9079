"""A lab whose hosts have the platform, and operations run on them as the controller runs them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.converge.run import converge
from provision.converge.stage import stage_host
from provision.errors import PodfleetError
from provision.fleet.launched import record_launched
from provision.fleet.loading import load_fleet
from provision.fleet.model import Fleet, Pod
from provision.fleet.secrets import Vault, open_vault
from provision.hosts import providers
from provision.hosts.connection import Connection
from provision.hosts.facts import PodFacts, gather
from provision.hosts.lab import lab_of
from provision.lab.lab import Lab
from provision.operations import dispatch
from provision.operations.dispatch import Outcome
from provision.releases.build import ensure_artifact
from provision.releases.runtime import runtime_tarball
from provision.releases.ship import ship
from provision.releases.signature import allowed_signers
from provision.releases.store import Artifact
from provision.report import Lines, Silent
from provision.staging import StagedPod, stage_pod

HEAD = """
[hosts.one]
provider = "lab"
memory = "2 GiB"

[hosts.two]
provider = "lab"
memory = "1 GiB"
"""
POD = """
[pods.{name}]
domain = "{domain}"
host = "{host}"
release = "1.0.0.0"
source = "rehearsal"
admin = {{ username = "alice", email = "alice@{domain}" }}

[pods.{name}.diaspora]
settings = {{ pod_name = "{title}", autofollow_on_join = false }}
privacy = {{ statistics = {{ user_counts = true }} }}
"""


@dataclass
class PodLab:
    """One lab; `pods` says which pods its fleet file has, and on which host each is."""

    directory: Path
    pods: dict[str, str]
    titles: dict[str, str] = field(default_factory=dict)
    more: str = ""
    # The hosts, of which each is a guest.
    head: str = HEAD
    # What `launch` takes; built when it is first needed, unless a test puts another one here.
    release: Artifact | None = None

    def write_file(self) -> None:
        """The fleet file as `pods` and `titles` have it now."""
        self.directory.mkdir(parents=True, exist_ok=True)
        text = self.head + "".join(self._pod(name, host) for name, host in self.pods.items())
        (self.directory / "fleet.toml").write_text(text + textwrap.dedent(self.more))

    def _pod(self, name: str, host: str) -> str:
        title = self.titles.get(name, name)
        return POD.format(name=name, domain=self.domain(name), host=host, title=title)

    def domain(self, pod: str) -> str:
        return f"{pod}.lab.test"

    @property
    def fleet(self) -> Fleet:
        return providers.as_it_runs(load_fleet(str(self.directory)))

    @property
    def vault(self) -> Vault:
        return open_vault(load_fleet(str(self.directory)))

    @property
    def lab(self) -> Lab:
        return lab_of(load_fleet(str(self.directory)))

    def boot(self, *hosts: str) -> None:
        """Guests up, and these with the platform."""
        self.write_file()
        fleet = providers.boot(load_fleet(str(self.directory)), Lines())
        self.vault.ensure_fleet()
        for name in hosts:
            self.converge(fleet, name)

    def converge(self, fleet: Fleet, name: str) -> None:
        connection = self.connection(name)
        facts = gather(connection)
        runtime = runtime_tarball(facts.python, facts.architecture)
        with tempfile.TemporaryDirectory() as directory:
            signers = allowed_signers(self.vault)
            staged = stage_host(fleet, fleet.hosts[name], runtime, signers, Path(directory))
            converge(fleet, fleet.hosts[name], connection, staged, Lines())

    def connection(self, host: str) -> Connection:
        fleet = self.fleet
        return providers.connect(fleet, fleet.hosts[host], Silent())

    def on(self, host: str, *argv: str, check: bool = True, stdin: bytes | None = None) -> str:
        """What a command on the host says, standard error after standard output."""
        done = self.connection(host).run(argv, check=check, stdin=stdin)
        return (done.stdout + done.stderr).decode(errors="replace")

    def shell(self, host: str, script: str) -> str:
        """The same for a few lines of shell."""
        return self.on(host, "sh", "-euc", script)

    def host_of(self, pod: str) -> str:
        return self.pods[pod]

    def pod(self, pod: str) -> Pod:
        return self.fleet.pods[pod]

    def facts(self, pod: str) -> PodFacts:
        return gather(self.connection(self.host_of(pod))).pods[pod]

    def artifact(self, pod: str) -> Artifact:
        """The pod's release, shipped to its host."""
        self.vault.ensure_pod(pod)
        if self.release is None:
            self.release = self._own(ensure_artifact(self.pod(pod), self.vault, Lines()))
        ship(self.release, self.connection(self.host_of(pod)))
        return self.release

    def _own(self, artifact: Artifact) -> Artifact:
        """A copy that stays, though others build and prune in the store meanwhile."""
        assert artifact.signature is not None
        where = self.directory / "release"
        where.mkdir()
        for path in (artifact.path, artifact.manifest_path):
            shutil.copy(path, where / path.name)
        shutil.copy(artifact.signature, where / "signature")
        return replace(artifact, directory=where, signature=where / "signature")

    @contextmanager
    def staged(self, pod: str, release_id: str) -> Iterator[StagedPod]:
        with tempfile.TemporaryDirectory() as directory:
            yield stage_pod(self.fleet, self.pod(pod), release_id, self.vault, Path(directory))

    def start(self, pod: str, operation: str, **parameters: Any) -> str:
        """Begins an operation, and leaves it alone; its id."""
        connection = self.connection(self.host_of(pod))
        if operation in ("export", "retire"):
            return dispatch.start(
                connection, self.fleet, self.pod(pod), operation, None, parameters
            )
        with self.staged(pod, self._release_for(pod, operation)) as staged:
            return dispatch.start(
                connection, self.fleet, self.pod(pod), operation, staged, parameters
            )

    def _release_for(self, pod: str, operation: str) -> str:
        if operation == "launch":
            return self.artifact(pod).release_id
        record = self.facts(pod).record
        assert record is not None
        return str(record["release_id"])

    def follow(self, pod: str, operation: str | None = None) -> Outcome:
        return dispatch.follow(self.connection(self.host_of(pod)), pod, operation, Lines())

    def run(self, pod: str, operation: str, **parameters: Any) -> Outcome:
        """An operation from its start to its verdict."""
        outcome = self.follow(pod, self.start(pod, operation, **parameters))
        if operation == "launch":
            record_launched(self.fleet, self.pod(pod))
        return outcome

    def fails(self, pod: str, operation: str, **parameters: Any) -> PodfleetError:
        """The error that an operation ends with; it is wrong if there is none."""
        try:
            self.run(pod, operation, **parameters)
        except PodfleetError as error:
            return error
        raise AssertionError(f"{operation} of {pod} did not fail")

    def journal(self, pod: str, operation: str) -> list[dict[str, Any]]:
        """The journal's whole lines as they are on the host now; none before its first."""
        path = PodPlaces(pod).operations / operation / "journal.jsonl"
        done = self.connection(self.host_of(pod)).run(["cat", str(path)], check=False)
        whole = done.stdout.decode(errors="replace").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def await_event(self, pod: str, operation: str, event: str, step: str) -> None:
        """Returns as soon as the journal has that line; watched on the host, without pause."""
        path = PodPlaces(pod).operations / operation / "journal.jsonl"
        script = (
            'for i in $(seq 6000); do grep -q "$2" "$1" 2>/dev/null && exit 0; sleep 0.01; done; '
            "exit 1"
        )
        pattern = f'"step": "{step}", "event": "{event}"'
        self.on(self.host_of(pod), "sh", "-c", script, "await", str(path), pattern)

    def get(self, pod: str, path: str = "/.well-known/nodeinfo") -> int:
        """The status that a client outside of the lab's hosts sees; 0: none at all."""
        host = self.host_of(pod)
        address = str(self.fleet.hosts[host].address)
        domain = self.domain(pod)
        argv = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
        argv += ["--max-time", "20", "--cacert", str(self.lab.authorities)]
        argv += ["--resolve", f"{domain}:443:{address}", f"https://{domain}{path}"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return int(done.stdout or 0)

    def is_launched(self, pod: str) -> bool:
        facts = gather(self.connection(self.host_of(pod))).pods.get(pod)
        return facts is not None and facts.record is not None


def until(condition: Any, seconds: float, what: str) -> None:
    """Waits until `condition()` is true; fails with `what` when it is not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def only(mapping: Mapping[str, Any]) -> Any:
    (value,) = mapping.values()
    return value
