"""The labs of these tests: a guest each, with a pod that is launched and has something to lose."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.lab.operations.conftest import MakePodLab, make_pod_lab
from tests.lab.upgrades.upgrade_lab import HOST, UpgradeLab
from tests.lab.upgrades.user import User

__all__ = ["MakePodLab", "MakeUpgradeLab", "make_pod_lab", "make_upgrade_lab"]

MakeUpgradeLab = Callable[..., UpgradeLab]


@pytest.fixture(scope="module")
def make_upgrade_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeUpgradeLab]:
    """`make_upgrade_lab("name", "alpha", "beta")`: all on one host, launched, with rows."""
    made: list[UpgradeLab] = []

    def make(name: str, *pods: str) -> UpgradeLab:
        lab = UpgradeLab(tmp_path_factory.mktemp("fleets") / name, dict.fromkeys(pods, HOST))
        made.append(lab)
        lab.boot(HOST)
        lab.launch(*pods)
        User(lab, pods[0]).write(posts=3, photos=2)
        return lab

    yield make
    for lab in made:
        lab.lab.down(purge=True)


@pytest.fixture(scope="session")
def one_pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpgradeLab]:
    """A host with a pod that serves, `alpha`; every test leaves it so."""
    lab = UpgradeLab(tmp_path_factory.mktemp("fleets") / "one-pod", {"alpha": HOST})
    try:
        lab.boot(HOST)
        lab.run("alpha", "launch")
        yield lab
    finally:
        lab.lab.down(purge=True)
