"""What provision makes and what the monitor looks for: the monitor imports nothing of provision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitoring import state
from monitoring.pod import units
from monitoring.pod.database import DatabaseSource
from monitoring.pod.places import MONITOR_USER, PodPlace
from monitoring.pod.sessions import database_name
from provision import contract
from provision.contract import PodPlaces
from provision.operations import database, facts_file, monitor_rights
from tests.unit.monitoring import servers
from tests.unit.monitoring.pod.conftest import lead_to
from tests.unit.monitoring.pod.schema import TABLES
from tests.unit.operations.real_postgresql import Cluster

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
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodPlace:
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


def test_what_provision_grants_is_what_the_monitor_reads(
    postgres: servers.Postgres, place: PodPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its queries, with no right but those that an operation gave."""
    server = Cluster(postgres.sockets)
    monkeypatch.setattr(monitor_rights, "psql", server.psql)
    postgres.run(f"CREATE DATABASE {PLACES.database(3)}")
    postgres.run(*TABLES, database=PLACES.database(3))
    monitor_rights.grant(PLACES.database(3))
    lead_to(postgres, place, PLACES.database(3))
    reading = DatabaseSource().collect(place)
    assert not reading.left_out
    assert {sample[0].name for sample in reading.samples} >= {"users", "posts", "comments"}


def test_units_and_database_by_the_facts_that_provision_writes(told: PodPlace) -> None:
    assert units.unit_names(told) == {
        "web": PLACES.web_unit(RELEASE),
        "sidekiq": PLACES.sidekiq_unit(RELEASE),
        "redis": PLACES.redis_unit,
    }
    assert database_name(told) == PLACES.database(3)
