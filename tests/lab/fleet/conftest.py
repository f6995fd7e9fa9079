"""One fleet of three pods stands for all tests of this directory; each file mends what it broke.

A fleet takes minutes to stand up, and most tests only look at it. So the files have an order: the
first one stands the fleet up, the last one breaks a pod on purpose. Any file can run alone, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.standing import Standing

ORDER = ("test_up", "test_canary", "test_verify", "test_readme", "test_contract")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if item.path.parent == here]
    ours = sorted((items[place] for place in places), key=lambda item: ORDER.index(item.path.stem))
    for place, item in zip(places, ours, strict=True):
        items[place] = item


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """The fleet as a file; its hosts come up with the first verb that needs them."""
    fleet = Standing.copied("lab", tmp_path_factory.mktemp("fleet"), "standing")
    try:
        yield fleet
    finally:
        fleet.podfleet("lab down", "--purge", "--yes")


@pytest.fixture(scope="session")
def standing(bare: Standing) -> Standing:
    """All pods serve and federate."""
    bare.podfleet("up", "--yes")
    return bare
