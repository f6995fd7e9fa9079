"""What is verified: hosts and pods, as they were reached and as the suite's tests see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from testinfra.host import Host as Machine

from monitoring.canary import CanaryPod
from provision.contract import PodPlaces
from provision.fleet.model import Host, Pod
from provision.hosts.connection import Connection
from provision.hosts.facts import HostFacts, PodFacts


@dataclass(frozen=True)
class HostSubject:
    """A host that was reached."""

    host: Host
    connection: Connection
    facts: HostFacts
    machine: Machine

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it is reached from outside."""
        stated = [str(each) for each in (self.host.address, self.host.address6) if each]
        return tuple(stated) or (self.connection.endpoint.address,)

    @property
    def open_ports(self) -> frozenset[int]:
        """All that may answer from outside."""
        return frozenset({self.host.ssh_port, 80, 443})


@dataclass(frozen=True)
class PodSubject:
    """A pod of the fleet; `record` is what its host last applied, None while it is not launched."""

    pod: Pod
    on: HostSubject
    facts: PodFacts | None
    # Its public name as the controller reaches it, and its canary; None while that has no token.
    canary: CanaryPod | None

    @property
    def name(self) -> str:
        return self.pod.name

    @property
    def places(self) -> PodPlaces:
        return PodPlaces(self.pod.name)

    @property
    def record(self) -> dict[str, Any] | None:
        return None if self.facts is None else self.facts.record

    @property
    def release_id(self) -> str:
        assert self.record is not None, "only launched pods have a release"
        return str(self.record["release_id"])

    @property
    def database(self) -> str:
        assert self.record is not None, "only launched pods have a database"
        return str(self.record["database"])

    @property
    def configuration(self) -> PurePosixPath:
        """The live release's configuration directory."""
        return self.places.release(self.release_id) / "config"

    def reach(self) -> dict[str, Any]:
        """Arguments that lead a probe to the pod's public name."""
        end = self.flyer
        return {"url": end.url, "address": end.address, "ca_file": end.ca_file}

    @property
    def flyer(self) -> CanaryPod:
        assert self.canary is not None, "only launched pods have a canary"
        return self.canary


@dataclass(frozen=True)
class Subjects:
    """Everything that one run of verify looks at."""

    hosts: tuple[HostSubject, ...]
    pods: tuple[PodSubject, ...]
    # Partners of flights; all the fleet's pods that have been launched, whatever was selected.
    flyers: tuple[CanaryPod, ...]

    @property
    def launched(self) -> tuple[PodSubject, ...]:
        return tuple(pod for pod in self.pods if pod.record is not None and pod.canary is not None)

    def neighbours(self, pod: PodSubject) -> Sequence[PodSubject]:
        """The other launched pods of the same host."""
        return [
            other
            for other in self.launched
            if other.on.name == pod.on.name and other.name != pod.name
        ]
