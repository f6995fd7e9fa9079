"""The lab's parts that need neither root nor a guest."""

from __future__ import annotations

import ipaddress
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from provision.lab import image, network
from provision.lab.image import DEBIAN, layer_on_debian
from provision.lab.memory import _limits
from provision.lab.names import dnsmasq_argv
from provision.lab.network import Network
from provision.lab.processes import Record, read_record, start_detached
from provision.lab.state import State, exclusive, lab_directory


@pytest.fixture
def no_routes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    taken: list[str] = []
    monkeypatch.setattr(network, "_taken", lambda: map(ipaddress.IPv4Network, taken))
    return taken


def test_labs_choose_networks_that_nothing_overlaps(no_routes: list[str]) -> None:
    for number in range(12):
        chosen = Network.choose(f"{number:06x}")
        assert not any(
            ipaddress.ip_network(chosen.v4).overlaps(ipaddress.ip_network(t)) for t in no_routes
        )
        no_routes.append(chosen.v4)


def test_a_taken_first_choice_is_passed_over(no_routes: list[str]) -> None:
    first = Network.choose("abc123")
    no_routes.append(first.v4.replace("0/24", "128/25"))
    second = Network.choose("abc123")
    assert second.v4 != first.v4


def test_no_free_subnet_is_said(no_routes: list[str]) -> None:
    no_routes.append("10.0.0.0/8")
    with pytest.raises(Exception, match=r"no free subnet.*Take another lab down"):
        Network.choose("abc123")


def test_names_of_the_kernel_are_short_enough(no_routes: list[str]) -> None:
    chosen = Network.choose("abc123")
    assert len(chosen.bridge) <= 15
    assert len(f"vb-{chosen.key}250") <= 15


def test_own_names_win_and_unknown_ones_do_not_exist(no_routes: list[str]) -> None:
    chosen = Network.choose("abc123")
    argv = dnsmasq_argv(chosen, {"a.lab.test": 10})
    assert f"--host-record=a.lab.test,{chosen.address(10)},{chosen.address6(10)}" in argv
    assert "--address=/#/" in argv
    assert "--conf-file=/dev/null" in argv  # nothing of the controller's own settings


def test_an_image_is_made_anew_when_its_recipe_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = layer_on_debian("platform", ["nginx", "ruby"])
    assert before.digest() == layer_on_debian("platform", ["ruby", "nginx", "ruby"]).digest()
    assert before.digest() != layer_on_debian("platform", ["nginx"]).digest()
    assert before.digest() != DEBIAN.digest()
    old = before.digest()
    monkeypatch.setattr(image, "RECIPE", image.RECIPE + 1)
    assert before.digest() != old


def test_an_image_is_made_anew_when_the_authorities_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(image, "LOCAL_AUTHORITIES", tmp_path)
    before = DEBIAN.digest()
    (tmp_path / "own.crt").write_text("certificate")
    assert DEBIAN.digest() != before


def test_memory_and_swap_together_are_never_below_memory() -> None:
    names = [name for name, _ in _limits(1 << 30)]
    assert names.index("memory.limit_in_bytes") > names.index("memory.memsw.limit_in_bytes")
    assert _limits(1 << 30)[2] == ("memory.memsw.limit_in_bytes", 1 << 30)


def test_a_process_is_started_recorded_and_stopped(tmp_path: Path) -> None:
    record, log = tmp_path / "one.json", tmp_path / "log"
    made = start_detached(["sh", "-c", "echo up; exec sleep 60"], record, log)
    assert read_record(record) == made
    assert Path(f"/proc/{made.pid}/cmdline").exists()
    made.stop()
    assert read_record(record) is None
    assert log.read_text() == "up\n"


def test_a_pid_that_became_another_process_is_left_alone() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        stale = Record(other.pid, started=1)
        stale.stop(signal.SIGKILL)
        assert other.poll() is None
        other.kill()


def test_an_unreaped_child_counts_as_ended() -> None:
    with subprocess.Popen(["true"]) as child:
        stat = Path(f"/proc/{child.pid}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] != "Z":
            pass
        started = int(stat.read_text().rpartition(")")[2].split()[19])
        assert not Record(child.pid, started).is_alive()


def test_a_lab_keeps_its_key(tmp_path: Path) -> None:
    state = State(tmp_path / "labs/one")
    record = state.read()
    assert not state.exists()
    state.write(record)
    assert state.read() == record
    assert state.directory.stat().st_mode & 0o777 == 0o700
    assert State(tmp_path / "labs/two").read()["key"] != record["key"]


def test_checkouts_and_fleets_have_labs_of_their_own(tmp_path: Path) -> None:
    places = {
        lab_directory(tmp_path, Path(checkout), fleet)
        for checkout in ("/srv/a", "/srv/b")
        for fleet in ("lab", "other")
    }
    assert len(places) == 4


def test_a_lock_that_its_holder_removed_is_taken_anew(tmp_path: Path) -> None:
    """Two who wait for a purge must not both hold a lock: one the old file, one the new."""
    lock, inside, most = tmp_path / "lock", [0], [0]

    def hold() -> None:
        with exclusive(lock):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            # Last, as a purge does: from here on the next one may come in.
            lock.unlink()

    threads = [threading.Thread(target=hold) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1
