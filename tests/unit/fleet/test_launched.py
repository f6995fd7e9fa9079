"""A launched pod's domain is for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provision.errors import Refusal, Refusals
from provision.fleet.launched import (
    check_domains,
    forget_launched,
    launched_domains,
    record_launched,
)
from provision.fleet.loading import load_fleet
from provision.fleet.model import Fleet
from provision.fleet.reading import FILE_NAME

TEXT = """\
[hosts.vps]
address = "203.0.113.10"
memory = "4 GiB"
[pods.main]
domain = "pod.example.org"
host = "vps"
release = "0.9.1.0"
admin = { username = "alice", email = "alice@example.org" }
"""


def fleet_of(directory: Path, text: str) -> Fleet:
    (directory / FILE_NAME).write_text(text)
    return load_fleet(str(directory))


@pytest.fixture
def launched(tmp_path: Path) -> Fleet:
    fleet = fleet_of(tmp_path, TEXT)
    record_launched(fleet, fleet.pods["main"])
    return fleet


def test_an_unchanged_domain_is_fine(launched: Fleet) -> None:
    check_domains(launched)
    assert launched_domains(launched.keeps) == {"main": "pod.example.org"}
    assert fleet_of(launched.directory, TEXT).pods.keys() == launched.pods.keys()


def test_a_changed_domain_is_refused_with_its_line_and_the_reason(launched: Fleet) -> None:
    with pytest.raises(Refusals) as caught:
        fleet_of(launched.directory, TEXT.replace("pod.example.org", "other.example.org"))
    assert str(caught.value) == (
        f"{launched.file}:5: pods.main.domain: the pod was launched as pod.example.org, which"
        " every remote pod knows it by: it cannot change."
        ' Write domain = "pod.example.org", or declare another pod.'
    )


def test_a_changed_name_is_refused(launched: Fleet) -> None:
    with pytest.raises(Refusals, match="Call the pod 'main' again"):
        fleet_of(launched.directory, TEXT.replace("pods.main", "pods.other"))


def test_a_domain_is_guarded_also_in_a_fleet_that_is_loaded(launched: Fleet) -> None:
    pod = launched.pods["main"].model_copy(update={"domain": "other.example.org"})
    with pytest.raises(Refusals, match="it cannot change"):
        check_domains(launched.model_copy(update={"pods": {"main": pod}}))


def test_the_first_launch_is_what_is_remembered(launched: Fleet) -> None:
    before = (launched.keeps / "launched.toml").read_text()
    record_launched(launched, launched.pods["main"])
    assert (launched.keeps / "launched.toml").read_text() == before


def test_a_retired_pod_is_forgotten(launched: Fleet) -> None:
    forget_launched(launched, "main")
    assert launched_domains(launched.keeps) == {}
    fleet_of(launched.directory, TEXT.replace("pod.example.org", "other.example.org"))


def test_pods_launched_at_once_are_all_remembered(tmp_path: Path) -> None:
    fleet = load_fleet("community-fleet").model_copy(update={"keeps": tmp_path})
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda pod: record_launched(fleet, pod), fleet.pods.values()))
    assert launched_domains(tmp_path).keys() == fleet.pods.keys()


@pytest.mark.parametrize("damage", ["main = ", 'main = "x"', "[main]\nlaunched = 1"])
def test_a_damaged_record_is_refused(launched: Fleet, damage: str) -> None:
    (launched.keeps / "launched.toml").write_text(damage)
    with pytest.raises(Refusal, match="is damaged"):
        load_fleet(str(launched.directory))
