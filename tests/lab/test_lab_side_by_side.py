"""Several labs share a machine without meeting, and one that is purged leaves nothing."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.lab.lab import Lab, LabHost

MIB = 1 << 20

Answers = dict[str, list[str]]


@pytest.fixture(scope="module")
def labs(make_lab: Callable[..., Lab]) -> tuple[Lab, Lab]:
    first, second = (LabHost(name, 512 * MIB, "debian") for name in ("one", "two"))
    return make_lab("left", first, second), make_lab("right", first)


def printed(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def marks_of(lab: Lab) -> tuple[str, ...]:
    """What everything of a lab is called by: it outlives the lab in this test."""
    net = lab.network()
    return str(lab.state), net.bridge, net.table, f"/{net.key}0", net.v4.removesuffix("0/24")


def traces(lab: Lab, marks: tuple[str, ...]) -> Answers:
    """Everything on this machine that bears the lab's name, its state or its guests'."""
    looks = {
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "loop devices": printed("losetup", "--list", "--noheadings", "--output", "BACK-FILE"),
        "links": printed("ip", "-brief", "address"),
        "rules": printed("nft", "list", "tables"),
        "processes": printed("ps", "-eww", "-o", "args"),
        "groups": "\n".join(map(str, Path("/sys/fs/cgroup").glob("**/podfleet-lab/*"))),
        "runtime": "\n".join(map(str, Path("/run/systemd/nspawn").glob("*/*"))),
        "files": "\n".join(map(str, lab.state.parent.iterdir())),
    }
    found = {
        what: [line for line in text.splitlines() if any(mark in line for mark in marks)]
        for what, text in looks.items()
    }
    return {what: lines for what, lines in found.items() if lines}


def test_labs_have_networks_and_keys_of_their_own(labs: tuple[Lab, Lab]) -> None:
    left, right = labs
    for mine, theirs in (("v4", "v4"), ("v6", "v6")):
        one, other = getattr(left.network(), mine), getattr(right.network(), theirs)
        assert not ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))
    assert left.connection("one").fingerprint() != right.connection("one").fingerprint()


def test_same_name_means_another_host_in_each_lab(labs: tuple[Lab, Lab]) -> None:
    for lab in labs:
        answer = lab.connection("one").run(["getent", "ahostsv4", "one.lab.test"]).stdout
        assert answer.split()[0].decode() == lab.network().address(lab.number("one"))


def test_power_cut_in_one_lab_leaves_the_other_alone(labs: tuple[Lab, Lab]) -> None:
    left, right = labs
    boot_id = ["cat", "/proc/uptime"]
    before = float(right.connection("one").run(boot_id).stdout.split()[0])
    running = right.guest("one").process()
    left.kill("one")
    left.boot("one")
    assert right.guest("one").process() == running
    assert float(right.connection("one").run(boot_id).stdout.split()[0]) > before


def test_host_that_is_no_longer_declared_is_removed(labs: tuple[Lab, Lab]) -> None:
    left, _ = labs
    fewer = Lab(left.name, {"one": left.hosts["one"]}, {}, left.state, left.cache)
    directory = left.guest("two").directory
    fewer.up()
    assert sorted(fewer.info()["hosts"]) == ["one"]
    assert not directory.exists()
    assert fewer.connection("one").run(["true"]).returncode == 0


def test_purged_lab_leaves_nothing_and_the_other_one_whole(labs: tuple[Lab, Lab]) -> None:
    left, right = labs
    marks, network, directory = marks_of(right), right.network(), right.guest("one").directory
    # The look itself has to be able to see what a running lab has.
    there = traces(right, marks)
    assert {"loop devices", "links", "rules", "processes", "groups", "files"} <= set(there)
    right.down(purge=True)
    assert traces(right, marks) == {}
    assert not network.is_up()
    assert not directory.exists()
    assert left.connection("one").run(["true"]).returncode == 0


def test_purge_of_a_lab_that_never_was_is_no_error(tmp_path: Path) -> None:
    Lab("never", {}, {}, tmp_path / "state", tmp_path / "cache").down(purge=True)
    assert list(tmp_path.iterdir()) == []


def test_firewall_that_keeps_guests_from_their_name_server_is_named(
    make_lab: Callable[..., Lab],
) -> None:
    one, two = (LabHost(name, 512 * MIB, "debian") for name in ("one", "two"))
    lab = make_lab("walled", one)
    both = Lab(lab.name, {"one": one, "two": two}, {}, lab.state, lab.cache)
    bridge = lab.network().bridge
    rules = f"""
        add table inet podfleet_test_wall
        add chain inet podfleet_test_wall input {{ type filter hook input priority 0; }}
        add rule inet podfleet_test_wall input iifname "{bridge}" udp dport 53 drop
    """
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        with pytest.raises(Refusal, match=f"host two.*firewall accept what comes in on {bridge}"):
            both.up()
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "podfleet_test_wall"], check=True)
    both.up()
    assert both.connection("two").run(["getent", "hosts", "one.lab.test"]).returncode == 0


def test_up_without_root_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Refusal, match=r"needs root.*sudo"):
        Lab("none", {}, {}, tmp_path / "state", tmp_path / "cache").up()
    assert list(tmp_path.iterdir()) == []
