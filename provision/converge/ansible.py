"""Runs ansible-playbook as a child: generates its inventory and settings, yields its lines.

Mitogen makes it fast; correctness never rests on it: `use_mitogen=False` is the same run.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from provision.errors import Refusal
from provision.hosts.connection import Connection
from provision.places import CHECKOUT

ROLES_DIRECTORY = CHECKOUT / "roles"
_PLUGINS = Path(__file__).with_name("callback_plugins")
_HOST = "host"


def play_lines(
    connection: Connection,
    roles: Sequence[str],
    variables: Mapping[str, Any],
    *,
    use_mitogen: bool = True,
) -> Iterator[str]:
    """Run these roles, in this order, and yield the lines that the callback plugin prints."""
    with tempfile.TemporaryDirectory(prefix="podfleet-ansible-") as temporary:
        directory = Path(temporary)
        _write(directory / "inventory.json", _inventory(connection, variables))
        _write(directory / "play.json", [_play(roles)])
        (directory / "ansible.cfg").write_text(_settings(directory, use_mitogen))
        yield from _run(directory, connection.name)


def _write(path: Path, value: object) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(value))


def _inventory(connection: Connection, variables: Mapping[str, Any]) -> dict[str, Any]:
    endpoint = connection.endpoint
    reached: dict[str, Any] = {
        "ansible_host": endpoint.address,
        "ansible_user": endpoint.user,
        "ansible_become": endpoint.user != "root",
        "ansible_ssh_common_args": shlex.join(connection.ssh_common_args()),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    return {"all": {"hosts": {_HOST: {**reached, **variables}}}}


def _play(roles: Sequence[str]) -> dict[str, Any]:
    return {
        "name": "Platform",
        "hosts": "all",
        "gather_facts": False,
        "roles": list(roles),
    }


def _settings(directory: Path, use_mitogen: bool) -> str:
    lines = [
        "[defaults]",
        f"inventory = {directory / 'inventory.json'}",
        f"roles_path = {ROLES_DIRECTORY}",
        f"callback_plugins = {_PLUGINS}",
        "stdout_callback = podfleet_results",
        f"local_tmp = {directory / 'tmp'}",
        "host_key_checking = True",
        "retry_files_enabled = False",
        "inject_facts_as_vars = False",
        *(_mitogen() if use_mitogen else []),
        "[inventory]",
        "enable_plugins = ansible.builtin.yaml",
        "[ssh_connection]",
        "pipelining = True",
        # The connection that podfleet has opened is shared: no other one is made.
        "ssh_args = -o ControlMaster=no",
    ]
    return "\n".join(lines) + "\n"


def _mitogen() -> list[str]:
    found = importlib.util.find_spec("ansible_mitogen")
    if found is None or found.origin is None:
        raise Refusal("mitogen", "it is not installed", "Run ./podfleet: it prepares .venv anew.")
    plugins = Path(found.origin).parent / "plugins" / "strategy"
    return [f"strategy_plugins = {plugins}", "strategy = mitogen_linear"]


def _run(directory: Path, name: str) -> Iterator[str]:
    """The child's lines; refused with its standard error where it ends without any result."""
    argv = [sys.executable, "-m", "ansible.cli.playbook", str(directory / "play.json")]
    environment = {**_inherited(), "ANSIBLE_CONFIG": str(directory / "ansible.cfg")}
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=directory,
        text=True,
        start_new_session=True,
    )
    errors: list[str] = []
    assert process.stdout and process.stderr
    reader = threading.Thread(target=lambda pipe: errors.extend(pipe), args=(process.stderr,))
    with process:
        reader.start()
        try:
            yield from process.stdout
        except BaseException:
            # Ansible's workers and mitogen's, too; its own way out would wait for them.
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            reader.join()
    if process.returncode not in (0, 2, 4):
        raise Refusal(
            f"host {name}",
            f"ansible-playbook ended with {process.returncode}: {''.join(errors)[-2000:].strip()}",
            "This is a fault of podfleet: report it with these words.",
        )


def _inherited() -> dict[str, str]:
    """The user's own ANSIBLE_* settings are not meant for podfleet."""
    return {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
