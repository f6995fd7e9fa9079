"""Who gets in by an ACL: the deploy's own operations, run by pyinfra on directories of the test."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

# `nobody` is everywhere, and an owner may give it an ACL without being root.
DEPLOY = """
import json, sys
from provision.deploys.present import _strict
from pyinfra.api.config import Config
from pyinfra.api.connect import connect_all
from pyinfra.api.inventory import Inventory
from pyinfra.api.operation import add_op
from pyinfra.api.operations import run_ops
from pyinfra.api.state import State
from provision.deploys.access import may_enter, may_read_below

state = State(Inventory((["@local"], {})), _strict(Config))
connect_all(state)
(host,) = state.inventory
done = [
    add_op(state, may_enter, path=sys.argv[1], user="nobody")[host],
    add_op(state, may_read_below, path=sys.argv[2], user="nobody")[host],
]
run_ops(state)
print(json.dumps([one.did_change() for one in done]))
"""


def deployed(home: Path, log: Path) -> list[bool]:
    argv = [sys.executable, "-P", "-c", DEPLOY, str(home), str(log)]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(argv, capture_output=True, check=True, env=environment)
    changed: list[bool] = json.loads(done.stdout.splitlines()[-1])
    return changed


def acl(path: Path) -> list[str]:
    argv = ["getfacl", "-cpE", str(path)]
    return subprocess.run(argv, capture_output=True, check=True, text=True).stdout.split()


def test_a_reader_of_logs_reads_those_of_before_and_those_to_come(tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir(mode=0o550)
    log.mkdir(mode=0o750)
    (log / "production.log").write_text("a line\n")
    assert deployed(home, log) == [True, True]
    (log / "production.log.1").touch()
    assert "user:nobody:r--" in acl(log / "production.log")
    assert any(line.startswith("user:nobody:r") for line in acl(log / "production.log.1"))
    assert "mask::r--" in acl(log / "production.log.1")
    assert "other::---" in acl(log / "production.log.1")
    assert acl(home).count("user:nobody:--x") == 1
    # The modes that the deploy declares stay what they are.
    assert [stat.S_IMODE(path.stat().st_mode) for path in (home, log)] == [0o550, 0o750]


def test_what_is_so_already_is_not_changed_again(tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir()
    log.mkdir()
    assert deployed(home, log) == [True, True]
    assert deployed(home, log) == [False, False]
