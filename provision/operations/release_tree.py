"""What of a release is the pod's own: its settings, its links to what is shared, its assets."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from provision.contract import ARTIFACTS, PodPlaces
from provision.operations.operation import Operation
from provision.render import Renderer
from provision.writing import write_atomically

DATABASE_YML = "@release/config/database.yml"
# In the release -> in shared: kept from one release to the next.
LINKS = {
    "config/initializers/secret_token.rb": "keys/secret_token.rb",
    "config/oidc_key.pem": "keys/oidc_key.pem",
    "config/schedule.yml": "schedule.yml",
    "public/uploads": "uploads",
    "log": "log",
}
# What web and sidekiq write while they run, and may lose.
_OWN = ("tmp", "tmp/pids", "tmp/cache", "tmp/sockets")


def artifact(release_id: str) -> Path:
    """Where the controller put the release's tarball on this host."""
    return Path(ARTIFACTS) / f"{release_id}.tar.zst"


def settings_of(operation: Operation, database: str) -> list[tuple[PurePosixPath, bytes]]:
    """The release's own configuration: what is staged for it, and its database.yml."""
    staged = [
        (_inside(operation.places, operation.release_id, entry["path"]), _content(operation, entry))
        for entry in operation.manifest["files"]
        if entry["path"].startswith("@release/")
    ]
    path = _inside(operation.places, operation.release_id, DATABASE_YML)
    return [*staged, (path, database_yml(operation, database))]


def database_yml(operation: Operation, database: str) -> bytes:
    pool = operation.staged_pod["sizes"]["database_pool"]
    template = "pod/release/config/database.yml"
    return Renderer().render(template, places=operation.places, database=database, pool=pool)


def _inside(places: PodPlaces, release_id: str, path: str) -> PurePosixPath:
    return places.release(release_id) / path.removeprefix("@release/")


def _content(operation: Operation, entry: dict[str, Any]) -> bytes:
    return (operation.stage / "files" / str(entry["path"])).read_bytes()


def write_settings(operation: Operation, database: str) -> None:
    """Readable by the pod, written by root alone: a pod cannot alter its own settings."""
    for path, content in settings_of(operation, database):
        write_atomically(Path(path), content, mode=0o640)
        shutil.chown(path, "root", operation.places.user)


def prepare(places: PodPlaces, release_id: str) -> None:
    """Directories to write in, and links to what all releases share."""
    release = Path(places.release(release_id))
    for name in _OWN:
        _give(release / name, pwd.getpwnam(places.user))
    for name, target in LINKS.items():
        link(release / name, Path(places.shared) / target)
    _count(release)


def _give(path: Path, user: pwd.struct_passwd) -> None:
    """A directory of the pod's own. A release may have run before: of what lies in its tmp, all is
    the pod's work, and a link there is not followed."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    path.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchown(handle, user.pw_uid, user.pw_gid)
        os.fchmod(handle, 0o755)
    finally:
        os.close(handle)


def _count(release: Path) -> None:
    """How large it is, counted once: `status` tells it of every release."""
    total = sum(os.lstat(path).st_blocks * 512 for path in _tree(release))
    write_atomically(release / ".podfleet-bytes", str(total).encode(), mode=0o644)


def _tree(top: Path) -> Iterator[str]:
    for directory, names, files in os.walk(top):
        yield from (os.path.join(directory, name) for name in (*names, *files))  # noqa: PTH118


def link(path: Path, target: Path) -> None:
    """`path` leads to `target`, by one rename; a directory that the release shipped goes."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.parent.mkdir(exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.rename(path)


def join_assets(places: PodPlaces, release_id: str) -> int:
    """Adds the release's assets to those that nginx serves (hard links); how many there are."""
    source = Path(places.release(release_id)) / "public" / "assets"
    joined = 0
    for directory, _, names in os.walk(source):
        target = Path(places.assets) / Path(directory).relative_to(source)
        target.mkdir(exist_ok=True)
        for name in names:
            _hard_link(Path(directory, name), target / name)
            joined += 1
    return joined


def _hard_link(source: Path, target: Path) -> None:
    """Names without a digest are in every release: the newest wins."""
    if target.exists() and target.samefile(source):
        return
    new = target.with_name(f".{target.name}.new")
    new.unlink(missing_ok=True)
    new.hardlink_to(source)
    new.rename(target)
