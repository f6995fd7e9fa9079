"""Verbs that need no host, run as a user runs them: init, validate, secrets, schema, probe."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import socket
import subprocess
import sys
import termios
from pathlib import Path
from typing import IO

import pytest

from provision import places

CHECKOUT = str(places.CHECKOUT)
FLAGS = {
    "--domain": "pod.example.org",
    "--address": "203.0.113.10",
    "--memory": "2 GiB",
    "--email": "alice@example.org",
}


class User:
    """Somebody with a home directory of their own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def podfleet(
        self, *argv: str, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "provision.cli", *argv],
            cwd=self.home,
            env={
                "HOME": str(self.home),
                "PATH": os.environ["PATH"],
                "PYTHONPATH": CHECKOUT,
                **environment,
            },
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def init(self, **flags: str) -> subprocess.CompletedProcess[str]:
        words = [word for pair in (FLAGS | flags).items() for word in pair]
        return self.podfleet("init", "my-fleet", "--yes", *words)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> User:
    """Somebody who has run init already: making keys takes a second."""
    user = User(tmp_path_factory.mktemp("settled"))
    made = user.init()
    assert made.returncode == 0, made.stderr
    return user


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)


@pytest.fixture
def owner(tmp_path: Path, settled: User) -> User:
    """Somebody with a fleet, my-fleet, of their own."""
    shutil.copytree(settled.home, tmp_path, dirs_exist_ok=True)
    return User(tmp_path)


def test_init_writes_a_fleet_that_passes_validate(user: User) -> None:
    made = user.init()
    assert made.returncode == 0, made.stderr
    assert "podfleet up my-fleet" in made.stdout
    assert "run `podfleet up .`" in (user.home / "my-fleet/README.md").read_text()
    valid = user.podfleet("validate", "my-fleet", "--json")
    assert valid.returncode == 0, valid.stderr
    assert json.loads(valid.stdout)["pods"] == ["main"]
    again = user.init()
    assert again.returncode == 1 and "exists already" in again.stderr


def test_init_names_every_bad_flag_and_leaves_nothing(user: User) -> None:
    made = user.podfleet("init", "my-fleet", "--yes", "--domain", "no name", "--memory", "much")
    assert made.returncode == 1
    assert "--domain: " in made.stderr and "--memory: " in made.stderr
    assert not (user.home / "my-fleet").exists()


def test_init_that_nobody_can_answer_names_the_flag(user: User) -> None:
    made = user.podfleet("init", "my-fleet")
    assert made.returncode == 2
    words = "The pod's domain (it can never change): nobody is there to answer. Give --domain.\n"
    assert made.stderr == words


def test_a_secret_comes_by_standard_input_and_is_nowhere_in_the_clear(owner: User) -> None:
    secret = "correct horse battery staple"
    path = "pods.main.settings.mail.smtp.password"
    fleet = ("--fleet", "my-fleet")
    kept = owner.podfleet("secrets", "set", "main", "mail.smtp.password", *fleet, stdin=secret)
    assert kept.returncode == 0, kept.stderr
    assert secret not in kept.stdout + kept.stderr
    shown = owner.podfleet("secrets", "show", *fleet, "--json")
    assert path in json.loads(shown.stdout) and secret not in shown.stdout
    assert owner.podfleet("secrets", "show", path, *fleet).stdout == f"{secret}\n"
    for file in (owner.home / "my-fleet").rglob("*"):
        assert not file.is_file() or secret not in file.read_text()


def test_rotate_asks_first_and_makes_another(owner: User) -> None:
    show = ("secrets", "show", "fleet.signing_key", "--fleet", "my-fleet")
    rotate = ("secrets", "rotate", "fleet.signing_key", "--fleet", "my-fleet")
    before = owner.podfleet(*show).stdout
    asked = owner.podfleet(*rotate)
    assert asked.returncode == 2 and "Give --yes." in asked.stderr
    assert owner.podfleet(*show).stdout == before
    assert owner.podfleet(*rotate, "--yes").returncode == 0
    assert owner.podfleet(*show).stdout not in ("", before)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("set", "other", "mail.smtp.password"), "there is no pod 'other'"),
        (("set", "main", "mail.smtp.pasword"), "Did you mean"),
        (("set", "main", "settings.pod_name"), "is no secret"),
        (("show", "pods.main.nothing"), "holds no pods.main.nothing"),
    ],
)
def test_a_secret_that_cannot_be_is_refused(owner: User, argv: tuple[str, ...], words: str) -> None:
    done = owner.podfleet("secrets", *argv, "--fleet", "my-fleet", stdin="value")
    assert done.returncode == 1 and words in done.stderr, done.stderr


def test_every_error_of_a_fleet_file_is_said_at_once(owner: User) -> None:
    file = owner.home / "my-fleet/fleet.toml"
    text = file.read_text()
    file.write_text(text.replace("2 GiB", "2 bananas").replace("pod.example.org", "no_name"))
    done = owner.podfleet("validate", "my-fleet")
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and len(lines) >= 2, done.stderr
    assert all(line.startswith(f"{file}:") for line in lines)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("validate", "--pod", "nope"), "declares no pod nope"),
        (("validate", "--host", "nope"), "declares no host nope"),
        (("build", "--host", "nope", "--dry-run"), "declares no host nope"),
        (("launch", "--from", ".", "--host", "nope"), "declares no host nope"),
        (("export", "--pod", "main", "--host", "nope", "--dry-run"), "has no host nope"),
        (("retire", "--pod", "main", "--host", "nope", "--dry-run"), "has no host nope"),
    ],
)
def test_a_name_that_the_fleet_has_not_is_refused(
    owner: User, argv: tuple[str, ...], words: str
) -> None:
    done = owner.podfleet(*argv, "--fleet", "my-fleet")
    assert done.returncode in (1, 2) and words in done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("argv", [("validate", ""), ("validate", "--fleet", ""), ("up", "")])
def test_an_empty_name_is_no_fleet(user: User, argv: tuple[str, ...]) -> None:
    """What an unset variable leaves would boot the lab."""
    done = user.podfleet(*argv)
    assert done.returncode == 2 and "name is empty. Name one" in done.stderr, done.stderr


def test_what_to_do_next_names_the_fleet(owner: User) -> None:
    """Without it the command would go to the lab."""
    fleet = ("--fleet", "my-fleet")
    kept = owner.podfleet("secrets", "set", "main", "mail.smtp.password", *fleet, stdin="secret")
    assert "Next: podfleet configure --pod main --fleet my-fleet\n" in kept.stdout
    rotated = owner.podfleet("secrets", "rotate", "fleet.signing_key", "--yes", *fleet)
    assert "Next: podfleet up --fleet my-fleet\n" in rotated.stdout
    refused = owner.podfleet("secrets", "show", "nothing", *fleet)
    assert refused.stderr.splitlines()[1:] == [
        "In such a command name the fleet, too: --fleet my-fleet"
    ]


def test_schema_is_json(user: User) -> None:
    schema = json.loads(user.podfleet("schema").stdout)
    assert set(schema["properties"]) >= {"hosts", "pods"}


def own_address() -> str:
    """An address of this machine that is not loopback: a closed port there refuses at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("203.0.113.1", 9))  # sends nothing
        return str(probe.getsockname()[0])


def test_an_unreachable_host_is_a_finding_of_status_and_plan(owner: User) -> None:
    with socket.socket() as closed:
        closed.bind(("", 0))
        port = closed.getsockname()[1]
        file = owner.home / "my-fleet/fleet.toml"
        text = file.read_text().replace("203.0.113.10", own_address())
        file.write_text(text.replace("[hosts.vps]", f"[hosts.vps]\nssh_port = {port}"))
        status = owner.podfleet("status", "my-fleet", "--json")
        lines = owner.podfleet("status", "my-fleet").stdout.splitlines()
        plan = owner.podfleet("plan", "my-fleet", "--json")
    assert (status.returncode, plan.returncode) == (0, 0), status.stderr + plan.stderr
    (pod,) = json.loads(status.stdout)["pods"]
    (host,) = json.loads(status.stdout)["hosts"]
    assert (pod["state"], pod["operation"], host["reachable"]) == ("unknown", None, False)
    assert "port" in host["reason"] and lines[-1] == host["reason"]
    assert json.loads(plan.stdout)["hosts"][0]["action"] == "unreachable"


def test_probe_needs_no_fleet_and_says_why_it_failed(user: User) -> None:
    done = user.podfleet("probe", "https://pod.invalid", "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["reason"] and found["software"] is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://pod.invalid", ": this is no address of a pod (ftp is not https or http)\n"),
        ("https://pod.invalid:0", ": this is no address of a pod (0 is no port)\n"),
        ("https://127.0.0.1:1", "With --allow-private it is asked all the same."),
    ],
)
def test_probe_says_what_is_wrong_with_an_address(user: User, url: str, words: str) -> None:
    said = user.podfleet("probe", url).stdout
    assert words in said, said


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("url", ["https://pod💩.invalid", "https://\udcff.invalid"])
def test_what_a_locale_cannot_write_is_told_all_the_same(
    user: User, url: str, encoding: str
) -> None:
    told = user.podfleet("probe", url, "--json", PYTHONIOENCODING=encoding)
    assert told.returncode == 1, told.stderr
    assert json.loads(told.stdout)["url"] == url
    lines = user.podfleet("probe", url, PYTHONIOENCODING=encoding)
    assert (lines.returncode, lines.stderr) == (1, "")


def test_probe_with_authorities_that_are_none_is_a_usage_error(user: User) -> None:
    (user.home / "ca.pem").write_text("no certificate")
    for ca, words in (("ca.pem", "holds no certificate"), ("none.pem", "No such file")):
        done = user.podfleet("probe", "https://pod.invalid", "--ca", ca)
        assert done.returncode == 2 and words in done.stderr, done.stderr


@pytest.mark.parametrize("given", ["", "pod..invalid", "127.0.0.1:80", "[::1]"])
def test_probe_of_an_address_that_is_none_is_a_usage_error(user: User, given: str) -> None:
    done = user.podfleet("probe", "https://pod.invalid", "--address", given)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert f"--address: {given!r} is no IP address. Give" in done.stderr


@pytest.mark.parametrize("argv", [("peers",), ("canary", "--last"), ("observe",)])
def test_what_watches_must_be_there(owner: User, argv: tuple[str, ...]) -> None:
    done = owner.podfleet(*argv, "my-fleet")
    assert done.returncode == 1, done.stderr
    assert "nothing watches this fleet. Add [monitoring]" in done.stderr


def test_init_asks_on_a_terminal_and_an_interrupt_exits_130(user: User) -> None:
    leader, follower = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "provision.cli", "init", "my-fleet"],
        cwd=user.home,
        env={"HOME": str(user.home), "PATH": os.environ["PATH"], "PYTHONPATH": CHECKOUT},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        # The terminal is the child's own: what is typed there interrupts it alone.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(follower)
    with os.fdopen(leader, "r+b", buffering=0) as terminal:
        assert "The pod's domain" in read_until(terminal, b"change): ")
        terminal.write(b"no name\n")
        assert "The pod's domain" in read_until(terminal, b"change): "), "it asks again"
        terminal.write(b"\x03")
        assert child.wait(timeout=20) == 130
    assert not (user.home / "my-fleet").exists()


def read_until(terminal: IO[bytes], end: bytes) -> str:
    seen = b""
    while not seen.endswith(end):
        more = terminal.read(4096)
        assert more, seen
        seen += more
    return seen.decode()
