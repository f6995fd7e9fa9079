"""What provision makes and what the monitor looks for: the monitor imports nothing of provision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitoring import state
from monitoring.pod import units
from monitoring.pod.places import MONITOR_USER, PodPlace
from monitoring.pod.sessions import database_name
from provision import contract
from provision.contract import PodPlaces
from provision.operations import database, facts_file

RELEASE = "0.9.1.0-0123abcd"
PLACE, PLACES = PodPlace("alpha", "alpha.example.org"), PodPlaces("alpha")


def test_users_and_paths() -> None:
    assert contract.MONITOR_USER == MONITOR_USER
    assert Path(contract.MONITOR_STATE) == state.DIRECTORY
    assert PLACE.home == Path(PLACES.home)
    assert PLACE.log == Path(PLACES.log)
    assert PLACE.redis_socket == Path(PLACES.redis_socket)
    assert PLACE.facts == facts_file.path_of(PLACES)
    assert PLACE.home / "current" == Path(PLACES.current)
    assert PLACE.home / "maintenance" == Path(PLACES.maintenance_flag)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodPlace:
    """With the facts that provision writes."""
    place = PodPlace("alpha", "alpha.example.org", root=tmp_path)
    record = {
        "domain": place.domain, "release": "0.9.1.0", "release_id": RELEASE,
        "database": PLACES.database(3),
    }  # fmt: skip
    monkeypatch.setattr(database, "of_pod", lambda places: [])
    place.facts.parent.mkdir(parents=True)
    place.facts.write_text(json.dumps(facts_file.facts(PLACES, record, {})))
    return place


def test_units_and_database_by_the_facts_that_provision_writes(place: PodPlace) -> None:
    assert units.unit_names(place) == {
        "web": PLACES.web_unit(RELEASE),
        "sidekiq": PLACES.sidekiq_unit(RELEASE),
        "redis": PLACES.redis_unit,
    }
    assert database_name(place) == PLACES.database(3)
