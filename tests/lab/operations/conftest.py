"""The labs of tests of operations: one that most of them share, and what a file makes itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.lab.operations.pod_lab import PodLab

MakePodLab = Callable[..., PodLab]


@pytest.fixture(scope="module")
def make_pod_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakePodLab]:
    """`make_pod_lab("name", {"alpha": "one"}, "one")`: booted, platform on the hosts named."""
    made: list[PodLab] = []

    def make(name: str, pods: dict[str, str], *hosts: str) -> PodLab:
        lab = PodLab(tmp_path_factory.mktemp("fleets") / name, pods)
        made.append(lab)
        lab.boot(*hosts)
        return lab

    yield make
    for lab in made:
        lab.lab.down(purge=True)


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodLab]:
    """Host one, where `alpha` serves; `beta` has a name, and no more. Every test leaves it so."""
    lab = PodLab(tmp_path_factory.mktemp("fleets") / "serving", {"alpha": "one", "beta": "one"})
    try:
        lab.boot("one")
        lab.run("alpha", "launch")
        yield lab
    finally:
        lab.lab.down(purge=True)
