"""The runtime on a bare Debian 13: it starts, its wheels load, and nothing else is needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePosixPath

import pytest

from provision.hosts.connection import Connection
from provision.lab.lab import Lab, LabHost
from provision.releases.runtime import Runtime, runtime_tarball

# Loaded by what an operator waits for, they would cost more than the verb itself.
HEAVY = ("pyinfra", "gevent", "paramiko", "pydantic")

LOADED = """
import json, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/site"]
from provision.operations.host_main import main
code = main(sys.argv[2:])
print(json.dumps({"code": code, "loaded": sorted(sys.modules)}))
"""

# An operation of pyinfra's, as the deploy has it: locally, in one process.
DEPLOY = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/site"]
from pyinfra.api import Config, Inventory, State
from pyinfra.api.connect import connect_all
from pyinfra.api.operation import add_op
from pyinfra.api.operations import run_ops
from pyinfra.context import ctx_state
from pyinfra.operations import files
state = State(Inventory((["@local"], {})), Config())
ctx_state.set(state)
connect_all(state)
add_op(state, files.directory, path="/srv/made-by-pyinfra", mode="0750")
run_ops(state)
"""


@pytest.fixture(scope="module")
def host(make_lab: Callable[..., Lab]) -> Connection:
    lab = make_lab("runtime", LabHost("one", 1 << 30, "debian"))
    # No package index could help: the host is cut off from all but the controller.
    lab.set_mirror("down")
    return lab.connection("one")


@pytest.fixture(scope="module")
def unpacked(host: Connection) -> PurePosixPath:
    runtime = tarball(host)
    packed = PurePosixPath("/root") / runtime.path.name
    host.send_file(runtime.path, packed, 0o600)
    found = host.run(["sha256sum", str(packed)]).stdout.decode().split()[0]
    assert found == runtime.sha256
    directory = PurePosixPath("/opt/podfleet") / runtime.version
    host.run(["mkdir", "-p", str(directory)])
    host.run(["tar", "--extract", "--gzip", f"--file={packed}", f"--directory={directory}"])
    return directory


def tarball(host: Connection) -> Runtime:
    asked = "import platform; print(*platform.python_version_tuple()[:2], platform.machine())"
    major, minor, machine = host.run(["python3", "-c", asked]).stdout.decode().split()
    return runtime_tarball(f"{major}.{minor}", machine)


def test_the_entry_starts(host: Connection, unpacked: PurePosixPath) -> None:
    done = host.run([str(unpacked / "bin/podfleet-host"), "no-such-verb"], check=False)
    assert done.returncode == 2
    assert b"podfleet-host: the verbs that a pod host understands" in done.stderr


def test_its_wheels_work_on_the_host(host: Connection, unpacked: PurePosixPath) -> None:
    host.run(["python3", "-I", "-c", DEPLOY, str(unpacked)])
    made = host.run(["stat", "--format=%a", "/srv/made-by-pyinfra"])
    assert made.stdout.decode().strip() == "750"


@pytest.mark.parametrize("verb", [["recover"], ["follow", "main"]])
def test_verbs_that_only_look_load_nothing_heavy(
    host: Connection, unpacked: PurePosixPath, verb: list[str]
) -> None:
    done = host.run(["python3", "-I", "-c", LOADED, str(unpacked), *verb], check=False)
    loaded = json.loads(done.stdout.splitlines()[-1])["loaded"]
    assert [name for name in HEAVY if name in loaded] == []


def test_no_path_of_the_controller_is_in_it(host: Connection, unpacked: PurePosixPath) -> None:
    here = str(PurePosixPath(__file__).parents[2])
    argv = ["grep", "-rlF", "--", here, str(unpacked)]
    assert host.run(argv, check=False).stdout == b""
