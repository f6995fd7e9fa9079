"""The fleets that the fault tests share: one that stands, and whatever a file makes for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from provision.contract import PLATFORM_PACKAGES
from provision.lab.lab import Lab, LabHost
from provision.places import cache_directory
from tests.lab.faults.controller import DOMAIN, Controller, Host

MakeController = Callable[..., Controller]
GIB = 1 << 30


@pytest.fixture(scope="session")
def make_controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeController]:
    """`make_controller("name", {"alpha": "one"}, names=…, image=…)`: guests up, nothing on them."""
    labs: list[Lab] = []

    def make(
        name: str,
        pods: dict[str, str],
        *,
        names: dict[str, str] | None = None,
        image: str = "platform",
    ) -> Controller:
        directory = tmp_path_factory.mktemp(f"faults-{name}")
        hosts = {host: LabHost(host, 2 * GIB, image) for host in pods.values()}
        known = {f"{pod}.{DOMAIN}": host for pod, host in pods.items()} if names is None else names
        lab = Lab(name, hosts, known, directory / "lab", cache_directory(), PLATFORM_PACKAGES)
        labs.append(lab)
        lab.up()
        controller = Controller(lab, directory / name, pods, {host: Host() for host in hosts})
        controller.write()
        return controller

    yield make
    for lab in labs:
        lab.down(purge=True)


@pytest.fixture(scope="session")
def stood(make_controller: MakeController) -> Controller:
    """One host, one pod that serves; each test leaves it so. `beta` and `gamma` have names, too."""
    names = {f"{pod}.{DOMAIN}": "one" for pod in ("alpha", "beta")}
    controller = make_controller("faults", {"alpha": "one"}, names=names)
    controller.podfleet("up")
    return controller
