"""What tests on real guests share: each asks for a lab of its own, and nothing of it stays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from provision.contract import PLATFORM_PACKAGES
from provision.lab.lab import Lab, LabHost
from provision.places import cache_directory

MakeLab = Callable[..., Lab]

GIB, MIB = 1 << 30, 1 << 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session")
def make_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeLab]:
    """Makes labs that are up: `make_lab("name", LabHost(…), …, names={domain: host})`."""
    with contextlib.ExitStack() as purges:

        def make(name: str, *hosts: LabHost, names: Mapping[str, str] | None = None) -> Lab:
            state = tmp_path_factory.mktemp(f"lab-{name}") / "state"
            by_name = {host.name: host for host in hosts}
            lab = Lab(name, by_name, names or {}, state, cache_directory(), PLATFORM_PACKAGES)
            purges.callback(lab.down, purge=True)
            lab.up()
            return lab

        yield make
