"""The rehearsal pod as a Git repository, so that podfleet builds it like any other source.

One tree makes the first version; each directory `releases/<version>/` in it is laid over another
version and makes a new one. In an overlay, `.base` names the version it lies on, `.patch` changes a
few lines of it (in Git's format), and `.removed` lists paths that it lost.
Commits are the same wherever they are made: fixed author, fixed times, and a history that holds
the versions below and no others.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from provision.errors import Refusal

TREE = Path(__file__).parent / "rehearsal_pod"
FIRST_VERSION = "1.0.0.0"
OVERLAYS = "releases"
BASE = ".base"
PATCH = ".patch"
REMOVED = ".removed"
# What building or running in place may have left behind; .gitignore keeps the rest out.
GENERATED = ("vendor", ".bundle", OVERLAYS)

_IDENTITY = {
    "GIT_AUTHOR_NAME": "podfleet",
    "GIT_AUTHOR_EMAIL": "podfleet@example.org",
    "GIT_COMMITTER_NAME": "podfleet",
    "GIT_COMMITTER_EMAIL": "podfleet@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
# A version is a day younger than the one it lies on.
_EPOCH = 1_767_225_600
_DAY = 86_400


def rehearsal_repository(state: Path) -> str:
    """The path of a bare repository, a tag for each version; made anew when the tree changed."""
    repository = state / "rehearsal.git"
    digest = tree_digest(TREE)
    stamp = repository / "podfleet-tree"
    if not (stamp.is_file() and stamp.read_text() == digest):
        _replace(repository, digest)
    return str(repository)


def versions() -> list[str]:
    """All versions, the first one first."""
    later = (path.name for path in (TREE / OVERLAYS).glob("*") if path.is_dir())
    return [FIRST_VERSION, *sorted(later, key=_order)]


def lineage(version: str) -> list[str]:
    """The versions that this one is made of: the first one, each overlay, and itself."""
    if version == FIRST_VERSION:
        return [version]
    base = (TREE / OVERLAYS / version / BASE).read_text().strip()
    if base not in versions() or _order(base) >= _order(version):
        where = f"{OVERLAYS}/{version}/{BASE}"
        raise Refusal(where, f"{base} is no version before it", "Name one that is.")
    return [*lineage(base), version]


def tree_digest(tree: Path) -> str:
    """Names, modes and contents of everything that the repository is made of."""
    digest = hashlib.sha256()
    for path in _files(tree):
        executable = bool(path.stat().st_mode & 0o100)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(tree)}\0{executable}\0{content}\n".encode())
    return digest.hexdigest()


def _order(version: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part) if part.isdigit() else -1, part) for part in version.split("."))


def _files(tree: Path) -> Iterator[Path]:
    skipped = {tree / name for name in GENERATED if name != OVERLAYS}
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not skipped.intersection(path.parents):
            yield path


def _replace(repository: Path, digest: str) -> None:
    """Make the repository beside the old one, then let it take the old one's place."""
    repository.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=repository.parent, prefix=".rehearsal-") as scratch:
        fresh = Path(scratch) / "repository"
        _git(fresh, "init", "--quiet", "--bare", "--initial-branch=main", str(fresh))
        for version in versions():
            _commit(fresh, Path(scratch) / version, lineage(version))
        (fresh / "podfleet-tree").write_text(digest)
        if repository.exists():
            repository.rename(Path(scratch) / "old")
        fresh.rename(repository)


def _commit(repository: Path, worktree: Path, made_of: list[str]) -> None:
    *below, version = made_of
    when = f"{_EPOCH + len(below) * _DAY} +0000"
    inside = ("--work-tree", str(worktree))
    if below:
        _git(repository, "update-ref", "refs/heads/main", f"refs/tags/v{below[-1]}")
    _lay_out(repository, worktree, made_of)
    _git(repository, *inside, "add", "--all", ".", cwd=worktree)
    _git(repository, *inside, "commit", "--quiet", "--message", f"Release {version}", when=when)
    _git(repository, "tag", f"v{version}")


def _lay_out(repository: Path, worktree: Path, made_of: list[str]) -> None:
    """The tree with its overlays one above the other."""
    shutil.copytree(TREE, worktree, ignore=_ignored)
    for version in made_of[1:]:
        overlay = TREE / OVERLAYS / version
        shutil.copytree(overlay, worktree, dirs_exist_ok=True)
        (worktree / BASE).unlink()
        _patch(repository, worktree)
        _remove(worktree)
    _name_version(worktree / "config" / "defaults.yml", made_of[-1])


def _patch(repository: Path, worktree: Path) -> None:
    change = worktree / PATCH
    if change.is_file():
        _git(repository, "--work-tree", str(worktree), "apply", str(change), cwd=worktree)
        change.unlink()


def _ignored(directory: str, names: list[str]) -> set[str]:
    return set(GENERATED).intersection(names) if Path(directory) == TREE else set()


def _remove(worktree: Path) -> None:
    listing = worktree / REMOVED
    if listing.is_file():
        for name in listing.read_text().split():
            (worktree / name).unlink()
        listing.unlink()


def _name_version(defaults: Path, version: str) -> None:
    text = defaults.read_text()
    named = text.replace(f'number: "{FIRST_VERSION}"', f'number: "{version}"')
    if f'number: "{version}"' not in named:
        raise Refusal(str(defaults), "names no version", "Put the version's number back.")
    defaults.write_text(named)


def _git(
    repository: Path, *arguments: str, cwd: Path | None = None, when: str = f"{_EPOCH} +0000"
) -> None:
    argv = ["git", "--git-dir", str(repository), *arguments]
    dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    environment = {**os.environ, **_IDENTITY, **dates}
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise Refusal(str(repository), f"git {arguments[0]} failed: {said}", "Remove it and retry.")
