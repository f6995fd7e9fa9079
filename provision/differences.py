"""`plan --diff`: what the managed files on the hosts say, beside what they shall say.

Secrets are masked on both sides, by their path in the vault. One that was changed since is in no
vault any more, and often still in use: whatever stands where a secret shall stand is masked, too.
"""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.fleet.model import Fleet, Pod
from provision.fleet.secrets import Vault, open_vault
from provision.hosting import staged_host
from provision.hosts.connection import Connection
from provision.looking import Seen, running_release
from provision.render import read_manifest
from provision.staging import stage_pod

RELEASE = "@release"
ANOTHER_SECRET = "<another secret>"


def differences(fleet: Fleet, pods: Sequence[Pod], seen: Mapping[str, Seen]) -> Iterator[str]:
    """Unified diffs, line by line, of every managed file that would change."""
    vault = open_vault(fleet)
    for one in seen.values():
        yield from _host_differences(fleet, one, vault)
    for pod in pods:
        yield from _pod_differences(fleet, pod, seen[pod.host], vault)


def _host_differences(fleet: Fleet, seen: Seen, vault: Vault) -> Iterator[str]:
    if seen.connection is None or seen.facts is None or seen.facts.platform is None:
        return
    with tempfile.TemporaryDirectory(prefix="podfleet-") as directory:
        staged_host(fleet, seen.host, seen.facts, vault, Path(directory))
        yield from _stage_differences(seen.connection, Path(directory), "", vault)


def _pod_differences(fleet: Fleet, pod: Pod, seen: Seen, vault: Vault) -> Iterator[str]:
    release_id = running_release(seen.facts.pods.get(pod.name)) if seen.facts else None
    if seen.connection is None or release_id is None:
        return
    release = str(PodPlaces(pod.name).release(release_id))
    with tempfile.TemporaryDirectory(prefix="podfleet-") as directory:
        stage_pod(fleet, pod, release_id, vault, Path(directory))
        yield from _stage_differences(seen.connection, Path(directory), release, vault)


def _stage_differences(
    connection: Connection, root: Path, release: str, vault: Vault
) -> Iterator[str]:
    files = read_manifest(root)["files"]
    real = {file["path"]: str(file["path"]).replace(RELEASE, release, 1) for file in files}
    digests = _digests_on(connection, real.values())
    for file in files:
        path = real[file["path"]]
        if digests.get(path) != file["sha256"]:
            shall = (root / "files" / str(file["path"]).lstrip("/")).read_bytes()
            is_there = path in digests
            has = connection.run(["cat", "--", path]).stdout if is_there else b""
            yield from _unified(f"{connection.name}:{path}", has, shall, vault)


def _digests_on(connection: Connection, paths: Iterable[str]) -> dict[str, str]:
    """sha256 by path, of those that are there: sha256sum complains about the others and goes on."""
    done = connection.run(["sha256sum", "--zero", "--", *paths], check=False)
    lines = done.stdout.decode().split("\0")
    return {line[66:]: line[:64] for line in lines if line}


def _unified(name: str, has: bytes, shall: bytes, vault: Vault) -> Iterable[Any]:
    old, new = (vault.masked(side.decode(errors="replace")).splitlines() for side in (has, shall))
    if old == new:
        return [f"{name}: a secret in it changes"]
    old = _masked_alike(old, new, _before_secrets(new, vault.paths()))
    return difflib.unified_diff(old, new, f"{name} (is)", f"{name} (shall be)", lineterm="")


def _before_secrets(masked: Iterable[str], paths: Iterable[str]) -> list[str]:
    """What a line with a secret begins with, of each; "" where it has nothing else."""
    marks = [f"<{path}>" for path in paths]
    return [
        line[: min(line.index(mark) for mark in found)]
        for line in masked
        if (found := [mark for mark in marks if mark in line])
    ]


def _masked_alike(old: Iterable[str], new: Sequence[str], begins: Sequence[str]) -> list[str]:
    """The old lines, without what stands in the place of a secret."""
    return [line if line in new else _without_secret(line, begins) for line in old]


def _without_secret(line: str, begins: Iterable[str]) -> str:
    begin = max((each for each in begins if line.startswith(each)), key=len, default=None)
    return line if begin is None else f"{begin}{ANOTHER_SECRET}"
