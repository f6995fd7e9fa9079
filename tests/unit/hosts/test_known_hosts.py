"""Pinned keys: one file a fleet, by host name, written by many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.hosts import control_sockets
from provision.hosts.connection import Connection, Endpoint
from provision.hosts.known_hosts import KnownHosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9Qk4lqJgqKcNvjgZ9OwNZrPnkvmRLK3Ww8uqD1Gf2x"


def test_a_key_is_pinned_once_and_forgotten_alone(tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "fleet/known_hosts")
    known.pin("one", [KEY])
    known.pin("two", [KEY])
    known.pin("one", [KEY.replace("A", "B")])
    assert known.path.read_text() == f"one {KEY}\ntwo {KEY}\n"
    known.forget("one")
    assert (known.has("one"), known.has("two")) == (False, True)


def test_a_name_is_not_another_s_beginning(tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "known_hosts")
    known.pin("pod10", [KEY])
    assert not known.has("pod1")


@pytest.mark.parametrize(
    ("directory", "said"),
    [
        ("my fleet", '"/my fleet/known_hosts"'),
        ("a%h", "/a%%h/known_hosts"),
        ("a", "/a/known_hosts"),
    ],
)
def test_ssh_takes_the_path_for_one_file_as_it_stands(directory: str, said: str) -> None:
    """At a space it would look into two other files, and find the host's key in neither."""
    options = KnownHosts(Path("/", directory, "known_hosts")).options("one")
    assert f"UserKnownHostsFile={said}" in options


def test_many_threads_pin_without_loss(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    names = [f"host{number % 8}" for number in range(64)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda name: KnownHosts(path).pin(name, [KEY]), names))
    assert sorted(path.read_text().splitlines()) == [f"host{n} {KEY}" for n in range(8)]


def test_only_the_pinned_key_is_accepted_whatever_the_user_s_settings_say(tmp_path: Path) -> None:
    connection = Connection(Endpoint("vps", "203.0.113.5"), KnownHosts(tmp_path / "known_hosts"))
    options = connection.ssh_common_args()
    assert "StrictHostKeyChecking=yes" in options
    assert f"UserKnownHostsFile={tmp_path}/known_hosts" in options
    assert "GlobalKnownHostsFile=/dev/null" in options
    assert "-F" not in options  # an existing server is reached with the user's own settings


@pytest.mark.parametrize(("user", "command"), [("root", "id -u"), ("ops", "sudo -n -- id -u")])
def test_commands_run_as_root(tmp_path: Path, user: str, command: str) -> None:
    endpoint = Endpoint("vps", "203.0.113.5", user=user, port=2222)
    argv = Connection(endpoint, KnownHosts(tmp_path / "known_hosts")).argv(["id", "-u"])
    assert argv[-3:] == [f"{user}@203.0.113.5", "--", command]
    assert argv[argv.index("-p") + 1] == "2222"


def test_socket_path_that_the_kernel_cannot_take_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(Refusal, match="too long"):
        control_sockets.control_path("vps")


def test_directory_that_others_can_enter_is_no_place_for_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(control_sockets, "LONGEST_PATH_BYTES", 4096)
    made = Path(control_sockets.control_path("vps")).parent
    assert made.stat().st_mode & 0o777 == 0o700
    made.chmod(0o755)
    with pytest.raises(Refusal, match="not a private directory"):
        control_sockets.control_path("vps")
