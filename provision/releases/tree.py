"""The tree that is built: a tag's files, the pod's own customisations over them, and the source.

Customisations are files laid over the release's, at the same paths. The archive of all of it,
public/source.tar.gz, is how a pod offers its users the source, as its licence asks.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from provision.errors import Refusal, Refusals
from provision.releases.cache import no_room, sha256_of
from provision.releases.contents import forbidden
from provision.releases.source import TaggedSource

OFFERED_SOURCE = "public/source.tar.gz"


def customisations_digest(directory: Path | None) -> str:
    """Changes with any file's path, content or right to be run; empty without customisations."""
    if directory is None:
        return ""
    digest = hashlib.sha256()
    for name, path in _customisations(directory):
        is_program = path.stat().st_mode & 0o100 != 0
        digest.update(f"{name}\0{is_program}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()


def lay_out(source: TaggedSource, customisations: Path | None, root: Path) -> None:
    """Fills `root` with the tree to build."""
    archive = root.with_name(f"{root.name}.tar")
    source.archive(archive)
    _extract(archive, root)
    archive.unlink()
    for name, path in _customisations(customisations) if customisations else []:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    _offer_source(root, source.committed_at)


def _extract(archive: Path, root: Path) -> None:
    # GNU tar follows no link that the archive itself laid, and leaves the directory never.
    argv = ["tar", "--extract", "--no-same-owner", f"--file={archive}", f"--directory={root}"]
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if "No space left on device" in done.stderr:
        raise no_room(root)
    if done.returncode != 0:
        raise Refusal(
            archive.name,
            f"the source cannot be unpacked: {done.stderr.strip()[-1000:]}",
            "See what its tag holds: a release is files, directories and links.",
        )


def _customisations(directory: Path) -> list[tuple[str, Path]]:
    """The customisations' files by their path in the release; refuses secrets and links."""
    if not directory.is_dir():
        raise Refusal(str(directory), "there is no such directory", "Make it, or mend its path.")
    paths = [path for path in sorted(directory.rglob("*")) if not path.is_dir()]
    if links := [path for path in paths if path.is_symlink() or not path.is_file()]:
        raise Refusal(str(links[0]), "it is not a plain file", "Put the file itself there.")
    found = [(path.relative_to(directory).as_posix(), path) for path in paths]
    if wrong := list(forbidden((name, path.read_bytes()) for name, path in found)):
        raise Refusals([_secret_in_customisations(directory, words) for words in wrong])
    return found


def _secret_in_customisations(directory: Path, words: str) -> Refusal:
    return Refusal(
        str(directory),
        words,
        "Take it out: settings belong into the fleet file, secrets into `podfleet secrets set`.",
    )


def _offer_source(root: Path, changed_at: int) -> None:
    paths = sorted(path for path in root.rglob("*") if not path.is_dir() or path.is_symlink())
    target = root / OFFERED_SOURCE
    target.parent.mkdir(exist_ok=True)
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in paths:
            member = tar.gettarinfo(path, arcname=f"source/{path.relative_to(root).as_posix()}")
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = changed_at
            if member.isreg():
                with path.open("rb") as content:
                    tar.addfile(member, content)
            else:
                tar.addfile(member)
