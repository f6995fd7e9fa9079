"""A host over SSH: its key, its refusals, and what reaches it unaltered."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from provision.errors import Refusal
from provision.hosts.connection import Connection
from provision.hosts.known_hosts import KnownHosts
from provision.lab.lab import Lab, LabHost

MIB = 1 << 20
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab("ssh", LabHost("one", 512 * MIB, "debian"))


@pytest.fixture
def host(lab: Lab) -> Connection:
    return lab.connection("one")


@pytest.fixture
def stranger(host: Connection, tmp_path: Path) -> Iterator[Connection]:
    """The same host for a fleet that has never met it."""
    made = Connection(host.endpoint, KnownHosts(tmp_path / "known_hosts"))
    yield made
    made.close()


# -- the host's key ------------------------------------------------------------------------


def test_first_contact_shows_the_host_s_own_fingerprint_and_pins_it(
    host: Connection, stranger: Connection
) -> None:
    shown: list[tuple[str, str]] = []
    stranger.on_first_contact = lambda name, fingerprint: shown.append((name, fingerprint))
    stranger.run(["true"])
    stranger.close()
    stranger.run(["true"])
    listing = host.run(["ssh-keygen", "-l", "-f", f"{HOST_KEY}.pub"]).stdout.decode().split()
    assert shown == [("one", f"{listing[1]} (ED25519)")]
    assert stranger.fingerprint() == shown[0][1]
    pinned = stranger.known_hosts.path
    assert [line.split()[:2] for line in pinned.read_text().splitlines()] == [
        ["one", "ssh-ed25519"]
    ]
    assert pinned.stat().st_mode & 0o777 == 0o600


def test_changed_key_is_refused_with_file_and_line(
    lab: Lab, host: Connection, stranger: Connection
) -> None:
    stranger.known_hosts.path.write_text("# ours\n")
    stranger.run(["true"])
    stranger.close()
    host.run(["cp", "-a", HOST_KEY, f"{HOST_KEY}.pub", "/root"])
    host.run(["sh", "-c", f"rm {HOST_KEY}*; ssh-keygen -q -t ed25519 -N '' -f {HOST_KEY}"])
    host.run(["systemctl", "restart", "ssh"])
    try:
        with pytest.raises(Refusal) as refused:
            stranger.run(["touch", "/root/reached"])
    finally:
        # The shared connection of before still stands: it was opened with the old key.
        host.run(["sh", "-c", "mv /root/ssh_host_ed25519_key* /etc/ssh; systemctl restart ssh"])
    said = str(refused.value)
    assert f"{stranger.known_hosts.path}:2" in said
    assert "delete line 2" in said
    assert host.run(["test", "-e", "/root/reached"], check=False).returncode == 1
    assert stranger.run(["true"]).returncode == 0


# -- what refuses --------------------------------------------------------------------------


def test_closed_port_is_refused_in_words(stranger: Connection) -> None:
    stranger.endpoint = replace(stranger.endpoint, port=1)
    with pytest.raises(Refusal, match="host one: refuses connections at root@"):
        stranger.run(["true"])


def test_unreachable_address_is_refused_in_words(lab: Lab, stranger: Connection) -> None:
    nobody = lab.network().address(99)
    stranger.endpoint = replace(stranger.endpoint, address=nobody)
    with pytest.raises(Refusal, match=r"is unreachable at root@.*See that the host runs"):
        stranger.run(["true"])


def test_unknown_key_of_ours_is_refused_in_words(stranger: Connection, tmp_path: Path) -> None:
    other = tmp_path / "other_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    stranger.endpoint = replace(stranger.endpoint, identity=other)
    with pytest.raises(Refusal, match=r"refuses to let root@.* in.*authorized_keys"):
        stranger.run(["true"])


@pytest.fixture
def user(host: Connection) -> str:
    host.run(["sh", "-c", "id ops 2>/dev/null || useradd -m -s /bin/sh ops"])
    host.run(["sh", "-c", "cp -r /root/.ssh /home/ops && chown -R ops: /home/ops/.ssh"])
    return "ops"


def test_user_who_is_not_root_is_refused_until_sudo_asks_nothing(
    host: Connection, stranger: Connection, user: str
) -> None:
    stranger.endpoint = replace(stranger.endpoint, user=user)
    with pytest.raises(Refusal, match=r"ops@.* is not root.*sudo without a password"):
        stranger.run(["true"])
    host.run(["sh", "-c", "apt-get -q update && apt-get -q -y install sudo"])
    with pytest.raises(Refusal, match=r"is not root.*password"):
        stranger.run(["true"])
    host.send_file(b"ops ALL=(ALL) NOPASSWD: ALL\n", PurePosixPath("/etc/sudoers.d/ops"), 0o440)
    assert stranger.run(["id", "-un"]).stdout == b"root\n"
    stranger.send_file(b"by ops", PurePosixPath("/root/by-ops"), 0o600)
    assert host.run(["stat", "-c", "%U %a", "/root/by-ops"]).stdout == b"root 600\n"


def test_host_that_dies_in_a_command_is_refused_and_comes_back(lab: Lab, host: Connection) -> None:
    timer = threading.Timer(0.5, lambda: lab.kill("one"))
    timer.start()
    with pytest.raises(Refusal, match="host one"):
        host.run(["sleep", "60"])
    timer.join()
    lab.boot("one")
    assert host.run(["echo", "back"]).stdout == b"back\n"


def test_cut_network_ends_a_command_within_half_a_minute(lab: Lab, host: Connection) -> None:
    timer = threading.Timer(0.5, lambda: lab.cut("one"))
    timer.start()
    started = time.monotonic()
    try:
        with pytest.raises(Refusal, match="host one"):
            host.run(["sleep", "60"])
        assert time.monotonic() - started < 35
    finally:
        timer.join()
        lab.heal("one")
    assert host.run(["echo", "back"]).stdout == b"back\n"


# -- commands ------------------------------------------------------------------------------

AWKWARD = ["", " ", "a b", "$(touch /root/x)", "`id`", "'\"\\", "zwei\nZeilen", "{{ x }}", "ü€😀",
           "-n", "*", "~", "#", ";", "|&", "\t", "%s", "!!"]  # fmt: skip


def test_arguments_arrive_as_they_were_given(host: Connection) -> None:
    script = "import sys; sys.stdout.buffer.write(b'\\0'.join(a.encode() for a in sys.argv[1:]))"
    done = host.run(["python3", "-X", "utf8", "-c", script, *AWKWARD])
    assert done.stdout.decode().split("\0") == AWKWARD
    assert host.run(["test", "-e", "/root/x"], check=False).returncode == 1


def test_stdin_and_output_are_bytes(host: Connection) -> None:
    everything = bytes(range(256)) * 4096
    assert host.run(["cat"], stdin=everything).stdout == everything


def test_failing_command_is_refused_in_its_own_words(host: Connection) -> None:
    with pytest.raises(Refusal, match="`ls` ended with 2: ls: cannot access '/nosuch'"):
        host.run(["ls", "/nosuch"])
    assert host.run(["ls", "/nosuch"], check=False).returncode == 2


def test_exit_code_255_of_a_command_is_not_taken_for_ssh_s(host: Connection) -> None:
    assert host.run(["sh", "-c", "exit 255"], check=False).returncode == 255


def test_command_that_takes_too_long_is_refused(host: Connection) -> None:
    with pytest.raises(Refusal, match=r"`sleep` did not end within 0\.5 s"):
        host.run(["sleep", "30"], timeout_seconds=0.5)


def test_lines_come_as_they_are_written(host: Connection) -> None:
    lines = host.stream(["sh", "-c", "echo one; sleep 2; echo two"])
    assert next(lines) == "one"
    started = time.monotonic()
    assert list(lines) == ["two"]
    assert time.monotonic() - started > 1


def test_stream_ends_with_the_command_s_failure(host: Connection) -> None:
    lines = host.stream(["sh", "-c", "echo one; echo why >&2; exit 3"])
    assert next(lines) == "one"
    with pytest.raises(Refusal, match="ended with 3: why"):
        list(lines)


def test_many_threads_share_one_connection(stranger: Connection) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        runs = list(pool.map(lambda n: stranger.run(["echo", str(n)]).stdout, range(40)))
    assert runs == [f"{n}\n".encode() for n in range(40)]
    socket = stranger.ssh_argv()[stranger.ssh_argv().index("ControlMaster=no") - 2]
    found = subprocess.run(["pgrep", "-fc", "--", socket.partition("=")[2]], capture_output=True)
    assert int(found.stdout) == 1


def test_command_over_an_open_connection_is_quick(host: Connection) -> None:
    host.run(["true"])
    started = time.monotonic()
    for _ in range(5):
        host.run(["true"])
    assert (time.monotonic() - started) / 5 < 0.24


# -- files ---------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "deep/er").mkdir(parents=True)
    (root / "deep/er/secret ü").write_text("hush")
    (root / "deep/er/secret ü").chmod(0o600)
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("run")
    os.chown(root / "run", 1234, 1234)
    return root


def test_tree_replaces_what_was_there_and_is_root_s_alone(host: Connection, tree: Path) -> None:
    target = PurePosixPath("/root/sent/here")
    host.send_tree(tree, target)
    (tree / "run").unlink()
    (tree / "new").write_text("new")
    host.send_tree(tree, target)
    listing = host.run(["sh", "-c", "cd /root/sent; find . -printf '%p %U %m %y\\n'"])
    assert sorted(listing.stdout.decode().splitlines()) == [
        ". 0 700 d",
        "./here 0 700 d",
        "./here/deep 0 755 d",
        "./here/deep/er 0 755 d",
        "./here/deep/er/secret ü 0 600 f",
        "./here/link 0 777 l",
        "./here/new 0 644 f",
    ]


def test_tree_that_does_not_fit_leaves_the_old_one(host: Connection, tree: Path) -> None:
    host.run(["sh", "-c", "mkdir /root/small && mount -t tmpfs -o size=1m none /root/small"])
    target = PurePosixPath("/root/small/here")
    host.send_tree(tree, target)
    (tree / "large").write_bytes(b"x" * (2 << 20))
    with pytest.raises(Refusal, match="No space left"):
        host.send_tree(tree, target)
    assert host.run(["ls", "/root/small"]).stdout == b"here\n"
    assert host.run(["test", "-e", f"{target}/large"], check=False).returncode == 1
    assert host.run(["cat", f"{target}/deep/er/secret ü"]).stdout == b"hush"


def test_file_is_sent_and_fetched_whole(host: Connection, tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    (tmp_path / "out").write_bytes(content)
    remote = PurePosixPath("/root/a file")
    host.send_file(tmp_path / "out", remote, 0o640)
    assert host.run(["stat", "-c", "%a %U:%G", str(remote)]).stdout == b"640 root:root\n"
    host.fetch_file(remote, tmp_path / "in")
    assert (tmp_path / "in").read_bytes() == content
    assert (tmp_path / "in").stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"]


def test_file_that_is_not_there_is_refused_and_leaves_nothing(
    host: Connection, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match="No such file"):
        host.fetch_file(PurePosixPath("/root/nosuch"), tmp_path / "in")
    assert list(tmp_path.iterdir()) == []
