"""A fleet is found by name or path, and is what its file says."""

from __future__ import annotations

import tomllib
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from provision import places
from provision.errors import Refusal
from provision.fleet.loading import load_fleet
from provision.fleet.model import LETS_ENCRYPT, UPSTREAM
from provision.fleet.reading import FILE_NAME, INVENTORIES

EXAMPLES = sorted(file.parent.name for file in INVENTORIES.glob(f"*/{FILE_NAME}"))
LEAST = """\
[hosts.vps]
address = "203.0.113.10"
memory = "2 GiB"
[pods.main]
domain = "pod.example.org"
host = "vps"
release = "0.9.1.0"
admin = { username = "alice", email = "alice@example.org" }
"""


def test_the_examples_are_there() -> None:
    assert {"lab", "single-vps", "community-fleet", "lab-diaspora"} <= set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_loads_and_names_its_schema(name: str) -> None:
    fleet = load_fleet(name)
    assert fleet.name == name
    first = fleet.file.read_text().splitlines()[0]
    assert first.startswith("#:schema ")
    assert (fleet.directory / first.removeprefix("#:schema ")).is_file()


def test_none_means_the_lab() -> None:
    fleet = load_fleet()
    assert (fleet.name, fleet.is_lab) == ("lab", True)
    assert [pod.name for pod in fleet.pods_on("one")] == ["alpha", "beta"]
    assert [pod.name for pod in fleet.pods_on("two")] == ["gamma"]
    assert [pod.name for pod in fleet.partners_of("beta")] == ["alpha", "gamma"]
    assert {pod.source.url for pod in fleet.pods.values()} == {"rehearsal"}


def test_a_single_pod_takes_ten_lines() -> None:
    lines = load_fleet("single-vps").file.read_text().splitlines()
    assert len([line for line in lines if line and not line.startswith("#")]) <= 10


def test_the_community_fleet_shows_what_a_fleet_can_say() -> None:
    fleet = load_fleet("community-fleet")
    assert (len(fleet.hosts), len(fleet.pods)) == (3, 5)
    assert sorted(len(fleet.pods_on(host)) for host in fleet.hosts) == [1, 2, 2]
    assert all(host.address6 for host in fleet.hosts.values())
    garden = fleet.pods["garden"].diaspora
    settings = garden["settings"]
    assert settings["liberapay_username"] and settings["bitcoin_address"]
    assert settings["paypal_donations"]["paypal_hosted_button_id"]
    assert settings["terms"] == {"enable": True, "jurisdiction": "Germany", "minimum_age": 16}
    assert garden["mail"]["smtp"]["host"] == "smtp.example.org"
    assert fleet.pods["books"].diaspora["settings"]["enable_registrations"] is False
    assert fleet.lead_pod == "test"


def test_the_least_file_has_its_defaults(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(LEAST)
    fleet = load_fleet(str(tmp_path))
    host, pod = fleet.hosts["vps"], fleet.pods["main"]
    assert (host.provider, host.ssh_user, host.ssh_port) == ("ssh", "root", 22)
    assert (pod.source.url, pod.tag, pod.url) == (UPSTREAM, "v0.9.1.0", "https://pod.example.org")
    assert fleet.acme.directory == LETS_ENCRYPT
    assert fleet.acme.contact == "alice@example.org"
    assert (fleet.lead_pod, fleet.keeps, fleet.is_lab) == ("main", tmp_path, False)


@pytest.mark.parametrize(
    ("size", "memory"),
    [
        ("2 GiB", 2 * 1024**3),
        ("2GiB", 2 * 1024**3),
        ("1.5 gib", 3 * 1024**3 // 2),
        ("1024 MB", 1024 * 1000**2),
        ("4 GB", 4 * 1000**3),
    ],
)
def test_memory_is_bytes(tmp_path: Path, size: str, memory: int) -> None:
    (tmp_path / FILE_NAME).write_text(LEAST.replace("2 GiB", size))
    assert load_fleet(str(tmp_path)).hosts["vps"].memory == memory


@pytest.mark.parametrize(
    "source",
    [
        "https://git.example.org/diaspora.git",
        "git@git.example.org:diaspora.git",
        "ssh://git@git.example.org/diaspora.git",
        "/srv/git/diaspora.git",
        "rehearsal",
    ],
)
def test_a_source_may_be_a_url_alone(tmp_path: Path, source: str) -> None:
    (tmp_path / FILE_NAME).write_text(f'{LEAST}source = "{source}"\n')
    assert load_fleet(str(tmp_path)).pods["main"].source.url == source


def test_paths_are_beside_the_fleet_file(tmp_path: Path) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / FILE_NAME).write_text(f'{LEAST}customisations = "views"\n')
    assert load_fleet(str(tmp_path)).pods["main"].customisations == tmp_path / "views"


def test_a_file_of_another_name_is_a_fleet_too(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(LEAST)
    assert load_fleet(str(tmp_path / "mine.toml")).name == "mine"


def test_an_unknown_fleet_names_those_there_are() -> None:
    with pytest.raises(Refusal, match=r"no such fleet.*single-vps.*podfleet init"):
        load_fleet("no-such-fleet")


def test_a_name_is_a_fleet_of_the_inventories_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lab").write_text("not a fleet")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / FILE_NAME).write_text(LEAST)
    monkeypatch.chdir(tmp_path)
    assert load_fleet("lab").file == load_fleet().file
    assert load_fleet("mine").directory == tmp_path / "mine"
    monkeypatch.chdir(tmp_path / "mine")
    assert load_fleet(".").name == "mine"


def test_what_a_lab_keeps_is_outside_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODFLEET_STATE", str(tmp_path))
    assert load_fleet().keeps.is_relative_to(tmp_path)
    assert not load_fleet().keeps.is_relative_to(places.CHECKOUT)
    assert load_fleet("lab").keeps != load_fleet("lab-diaspora").keeps


def test_a_fleet_does_not_change() -> None:
    fleet = load_fleet()
    with pytest.raises(ValidationError):
        fleet.hosts["one"].ssh_port = 23  # type: ignore[misc]


def test_a_lab_learns_its_addresses_at_run_time() -> None:
    fleet = load_fleet()
    network = ip_network("192.0.2.0/24")
    one = fleet.hosts["one"].model_copy(update={"reachable_networks": (network,)})
    assert fleet.with_hosts({"one": one}).hosts["one"].reachable_networks == (network,)
    assert fleet.hosts["one"].reachable_networks == ()
    assert fleet.with_acme("https://192.0.2.1/dir").acme.directory == "https://192.0.2.1/dir"


def test_the_examples_hold_no_real_address() -> None:
    documentation = [ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")]
    for name in EXAMPLES:
        for host in load_fleet(name).hosts.values():
            for address in filter(None, (host.address, host.address6)):
                assert any(address in network for network in documentation)


def test_examples_are_plain_toml() -> None:
    for name in EXAMPLES:
        assert tomllib.loads(load_fleet(name).file.read_text())["pods"]
