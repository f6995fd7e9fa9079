"""The launcher on a checkout that nothing was prepared for: here, and on a bare Debian."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from provision.hosts.connection import Connection
from provision.lab.lab import LabHost
from provision.places import CHECKOUT
from tests.lab.conftest import GIB, MakeLab

HELP_SECONDS = 0.25


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is committed, without a virtual environment."""
    directory = tmp_path_factory.mktemp("clone") / "podfleet"
    subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(directory)], check=True)
    return directory


def started(argv: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        argv, cwd="/", text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_two_starts_at_once_through_a_link_prepare_once(clone: Path) -> None:
    link = clone.parent / "link"
    link.symlink_to(clone / "podfleet")
    both = [started([str(link), "schema"]) for _ in range(2)]
    said = [child.communicate(timeout=300) for child in both]
    assert [child.returncode for child in both] == [0, 0], said
    assert said[0][0] == said[1][0] != ""
    assert sum("preparing" in err for _, err in said) == 1
    lock = (clone / "requirements.lock").read_bytes()
    assert (clone / ".venv/requirements.lock").read_bytes() == lock


def test_help_comes_at_once_when_all_is_prepared(clone: Path) -> None:
    """Counted in the processor's seconds: a busy machine is not the launcher's fault."""
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([str(clone / "podfleet"), "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.stderr == b""
    assert min(seconds) <= HELP_SECONDS, seconds


def test_a_changed_lock_is_installed(clone: Path) -> None:
    lock = clone / "requirements.lock"
    lock.write_text(lock.read_text() + "# changed\n")
    done = subprocess.run(
        [str(clone / "podfleet"), "--help"], capture_output=True, text=True, check=True
    )
    assert "preparing" in done.stderr
    assert (clone / ".venv/requirements.lock").read_bytes() == lock.read_bytes()


def test_an_environment_that_broke_off_half_way_is_made_anew(clone: Path) -> None:
    (clone / ".venv/requirements.lock").unlink()
    (clone / ".venv/bin/python").unlink()
    done = subprocess.run(
        [str(clone / "podfleet"), "schema"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_another_python_than_it_was_made_with_makes_it_anew(clone: Path) -> None:
    """As after an upgrade of Debian: the link leads to a Python that has none of the packages."""
    made_with = clone / ".venv/made-with"
    made_with.write_text("/usr/bin/python3.9\n")
    again = subprocess.run(
        [str(clone / "podfleet"), "--help"], capture_output=True, text=True, check=True
    )
    assert "preparing" in again.stderr
    assert made_with.read_text().strip() == str((clone / ".venv/bin/python").resolve())


def test_without_root_one_line_says_what_to_install(tmp_path: Path) -> None:
    """As nobody, on a PATH without git and zstd, in a checkout that nobody may write to."""
    place = Path("/opt") / f"podfleet-test-{os.getpid()}"
    tools = place / "bin"
    tools.mkdir(parents=True)
    try:
        shutil.copy(CHECKOUT / "podfleet", place)
        shutil.copy(CHECKOUT / "requirements.lock", place)
        for tool in ("bash", "env", "readlink", "id", "cmp", "ssh", "apt-get", "python3"):
            (tools / tool).symlink_to(f"/usr/bin/{tool}")
        done = subprocess.run(
            [
                "/usr/bin/setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                place / "podfleet",
            ],
            env={"PATH": str(tools)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(place)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == "this machine: it lacks git zstd. Install with: sudo apt-get install git zstd"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lock's wheels for Debian 13's Python: a lab's guests reach no package index."""
    directory = tmp_path_factory.mktemp("wheels")
    platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in (17, 28, 34)]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"),
            *("--python-version=3.13", "--platform=manylinux2014_x86_64", *platforms),
            *("-d", str(directory), "-r", str(CHECKOUT / "requirements.lock")),
        ],
        check=True,
    )
    return directory


def test_a_bare_debian_13_is_prepared_with_words(
    make_lab: MakeLab, clone: Path, wheels: Path
) -> None:
    lab = make_lab("launcher", LabHost("bare", 2 * GIB, image="debian"))
    host = lab.connection("bare")
    subprocess.run(["git", "-C", str(clone), "checkout", "-q", "."], check=True)
    shutil.rmtree(clone / ".venv", ignore_errors=True)
    host.send_tree(clone, PurePosixPath("/srv/podfleet"))
    host.send_tree(wheels, PurePosixPath("/srv/wheels"))
    said = _launch(host)
    for package in ("python3-venv", "git", "zstd"):
        assert f"needs the Debian package {package}: " in said
    assert "Usage: podfleet" in said
    assert "podfleet: " not in _launch(host), "the second start has nothing to say"


def _launch(host: Connection) -> str:
    offline = [
        *("PIP_NO_INDEX=1", "PIP_FIND_LINKS=/srv/wheels"),
        *("UV_NO_INDEX=1", "UV_FIND_LINKS=/srv/wheels"),
    ]
    argv = ["env", "HOME=/root", *offline, "/srv/podfleet/podfleet", "--help"]
    done = host.run(argv, check=False)
    said = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0, said
    return said
