"""One watched fleet stands for all tests of this directory; each file mends what it broke.

The files have an order: the first one stands the fleet up, the last one has it watched no more.
Any of them can run alone, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from provision.lab.names import ACME_NAME
from tests.lab.monitoring.dropping import Dropping, pod_that_drops
from tests.lab.monitoring.every_expression import looking
from tests.lab.monitoring.receiver import receiver
from tests.lab.monitoring.watching import Watching, counts
from tests.lab.standing import Standing

ORDER = (
    "test_watching",
    "test_alerting",
    "test_observe",
    "test_series",
    "test_cut_network",
    "test_power_off",
    # While a pod drops what it receives, and its alert is not there yet.
    "test_unread",
    "test_other_software",
    "test_counted_once",
    "test_dropping",
    "test_unwatched",
)

# More often than in earnest; the name leads to the lab's gateway, which is this machine.
TOLD = """[monitoring]
webhook = "http://{name}:{port}/alerts"
own_interval = "10s"
peer_interval = "1m"
canary_interval = "1m"
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if item.path.parent == here]
    known = {name: place for place, name in enumerate(ORDER)}
    ours = [items[place] for place in places]
    ours.sort(key=lambda item: known.get(item.path.stem, len(ORDER) - 1.5))
    for place, item in zip(places, ours, strict=True):
        items[place] = item


@pytest.fixture(scope="session")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watching]:
    """All pods serve, and host one watches."""
    fleet = Standing.copied("lab", tmp_path_factory.mktemp("monitoring"), "watching")
    with receiver() as alerts:
        fleet.edit("[monitoring]\n", TOLD.format(name=ACME_NAME, port=alerts.port))
        try:
            fleet.podfleet("up", "--yes")
            with looking(partial(counts, fleet)) as seen:
                yield Watching(fleet, alerts, seen)
        finally:
            fleet.podfleet("lab down", "--purge", "--yes")


@pytest.fixture(scope="session")
def dropping(watching: Watching) -> Iterator[Dropping]:
    """Begun by the first test that may run meanwhile, ended by the last."""
    with pod_that_drops(watching) as begun:
        yield begun
