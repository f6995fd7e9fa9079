"""The labs that tests of operations share: one for pods that stay, one that is cut and broken."""

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
