"""Runs one command in a container over image layers: no init, nothing registered, nothing left."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from provision.errors import Refusal
from provision.lab.memory import Group
from provision.lab.mounts import overlay, remove_tree

# All mounts are made in a namespace that ends with the command: whatever kills it, none is left.
# Arguments: overlay options (none for a plain directory), root, control groups, "--", argv.
_ENTER = """
set -eu
options=$1 root=$2; shift 2
while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done
shift
[ -z "$options" ] || mount -t overlay podfleet-lab -o "$options" "$root"
exec "$@"
"""

# A command here may use what the machine has; only guests are held to a declared memory.
MEMORY_BYTES = 1 << 40


def run_in_layers(
    argv: Sequence[str],
    lower: Sequence[Path],
    upper: Path,
    *,
    environment: Mapping[str, str],
    has_network: bool,
    binds: Mapping[Path, PurePosixPath] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[bytes]:
    """Runs argv as root over `lower` (topmost first); what it writes stays in `upper`."""
    with tempfile.TemporaryDirectory(dir=upper.parent, prefix="run-") as here:
        root, work = Path(here) / "root", Path(here) / "work"
        root.mkdir()
        work.mkdir()
        settings = _settings(environment, has_network, binds or {})
        done = _enter(overlay(lower, upper, work), root, settings, argv)
    if check:
        _refuse_failure(argv, done)
    return done


def run_in_root(argv: Sequence[str], root: Path) -> None:
    """Runs argv as root in a directory that is a whole Debian, without network."""
    _refuse_failure(argv, _enter("", root, _settings({}, False, {}), argv))


def _enter(
    options: str, root: Path, settings: Sequence[str], argv: Sequence[str]
) -> subprocess.CompletedProcess[bytes]:
    machine = f"pf-{secrets.token_hex(4)}"
    with _group(machine) as group:
        enter = ["unshare", "--mount", "--propagation", "slave", "--", "sh", "-c", _ENTER, "enter"]
        enter += [options, str(root), *map(str, group), "--"]
        enter += ["systemd-nspawn", f"--machine={machine}", f"--directory={root}", *settings, "--"]
        return subprocess.run(
            [*enter, *argv], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )


def _refuse_failure(argv: Sequence[str], done: subprocess.CompletedProcess[bytes]) -> None:
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise Refusal(
            "lab image",
            f"`{argv[0]}` ended with {done.returncode}: {said[-3000:]}",
            "See that the Debian mirror can be reached, then run it again.",
        )


def _settings(
    environment: Mapping[str, str], has_network: bool, binds: Mapping[Path, PurePosixPath]
) -> list[str]:
    argv = ["--quiet", "--register=no", "--keep-unit", "--pipe", "--settings=no"]
    # What a crash left half written is made anew: nothing in it has to be synced.
    argv += ["--link-journal=no", "--timezone=off", "--suppress-sync=yes"]
    argv += ["--resolv-conf=copy-host"] if has_network else ["--private-network"]
    argv += [f"--setenv={k}={v}" for k, v in {"LANG": "C.UTF-8", **environment}.items()]
    return [*argv, *(f"--bind={a}:{b}" for a, b in binds.items())]


@contextlib.contextmanager
def _group(machine: str) -> Iterator[list[Path]]:
    """Control groups of the command's own: nspawn would else claim its caller's."""
    group = Group(machine)
    try:
        yield group.create(MEMORY_BYTES)
    finally:
        group.kill()
        group.remove()
        forget_machine(machine)


def forget_machine(machine: str) -> None:
    """Removes what nspawn leaves in /run where that is no tmpfs (no systemd on the machine)."""
    for kind in ("propagate", "unix-export"):
        remove_tree(Path("/run/systemd/nspawn", kind, machine))
