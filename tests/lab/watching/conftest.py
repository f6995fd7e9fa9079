"""One fleet of three pods stands for all tests of what watches it; each mends what it broke."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.standing import Standing


@pytest.fixture(scope="package")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    fleet = Standing.copied("lab", tmp_path_factory.mktemp("watching"), "watched")
    try:
        fleet.podfleet("up", "--yes")
        yield fleet
    finally:
        fleet.podfleet("lab down", "--purge", "--yes")
