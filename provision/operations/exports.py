"""The export: one archive that a pod can be made from again, written and read back.

A tar, compressed with zstd, of format 1:

    database.dump         pg_dump's custom format (or database.sql: plain SQL, of an adopted pod)
    redis.rdb             Redis' own dump: deliveries still to be made, removals still due
    identity/             secret_token.rb, oidc_key.pem
    settings/             diaspora.toml, database.yml, schedule.yml, as they were (for reading)
    uploads/              public/uploads
    export.json           {"format", "domain", "release", "release_id", "created_at", "is_final",
                           "addresses", "files": {name: {"sha256", "bytes"}}}; comes last

Whoever has it is the pod: it holds every user's private key. It is readable by root alone.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from provision.errors import Refusal

FORMAT = 1
INDEX = "export.json"
CUSTOM_DUMP, PLAIN_DUMP = "database.dump", "database.sql"
QUEUES = "redis.rdb"
SECRET_TOKEN, OIDC_KEY = "identity/secret_token.rb", "identity/oidc_key.pem"
UPLOADS = "uploads"

Read = Callable[[str, IO[bytes]], None]
# Gone by now; a link; a socket.
_NO_PLAIN_FILE = (errno.ENOENT, errno.ELOOP, errno.ENXIO)


@dataclass
class Writer:
    """Adds members one after the other, and knows their digests at the end."""

    tar: tarfile.TarFile
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add_file(self, name: str, path: Path) -> None:
        with path.open("rb") as file:
            self._add(name, file, os.fstat(file.fileno()).st_size)

    def add_plain_file(self, name: str, path: str | Path, directory: int | None = None) -> bool:
        """Adds a file that lies where others write (below an open `directory`, if one is given);
        whether it was one: no link is followed, and nothing waits at a pipe."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            handle = os.open(path, flags, dir_fd=directory)
        except OSError as error:
            if error.errno in _NO_PLAIN_FILE:
                return False
            raise
        with os.fdopen(handle, "rb") as file:
            seen = os.fstat(handle)
            if is_plain := stat.S_ISREG(seen.st_mode):
                self._add(name, file, seen.st_size)
        return is_plain

    def add_bytes(self, name: str, content: bytes) -> None:
        self._add(name, io.BytesIO(content), len(content))

    def add_tree(self, name: str, top: Path) -> int:
        """All plain files below `top`; one that its owner removes meanwhile is not in it, and
        nothing that its owner puts a link to."""
        count = 0
        top = top.resolve()
        for directory, names, files, handle in os.fwalk(top):
            names.sort()
            below = Path(name, Path(directory).relative_to(top))
            for file in sorted(files):
                count += self.add_plain_file((below / file).as_posix(), file, handle)
        return count

    def finish(self, about: dict[str, Any]) -> None:
        index = {"format": FORMAT, **about, "files": self.files}
        content = json.dumps(index, indent=1, sort_keys=True).encode() + b"\n"
        self._add_member(INDEX, io.BytesIO(content), len(content))

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        hashing = _Hashing(file)
        self._add_member(name, hashing, size)
        self.files[name] = {"sha256": hashing.digest.hexdigest(), "bytes": size}

    def _add_member(self, name: str, file: Any, size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self.tar.addfile(member, file)


class _Hashing:
    """A file that is read through, and digested on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.digest.update(content)
        return content


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """An archive at `path`, 0600; zstd's own failure (a full disk) is told."""
    path.touch(mode=0o600)
    with path.open("wb") as target:
        argv = ["zstd", "--quiet", "-3", "--threads=0"]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=target, stderr=subprocess.PIPE
        ) as zstd:
            assert zstd.stdin is not None
            assert zstd.stderr is not None
            try:
                with tarfile.open(fileobj=zstd.stdin, mode="w|") as tar:
                    yield Writer(tar)
                zstd.stdin.close()
            except BrokenPipeError as error:
                raise _zstd_failed(path, zstd.stderr.read()) from error
            words = zstd.stderr.read()
        if zstd.returncode != 0:
            raise _zstd_failed(path, words)


def _zstd_failed(path: Path, words: bytes) -> Refusal:
    return Refusal(
        str(path),
        f"the archive cannot be written: {words.decode(errors='replace').strip()}",
        "Make room there, then run the same command again.",
    )


def read_back(path: Path, read: Read = lambda name, file: None) -> dict[str, Any]:
    """Its index, once every member was read and has its digest; `read` sees each on the way.

    Refuses what is damaged, incomplete, of another format, or leads out of its directory.
    """
    found: dict[str, dict[str, Any]] = {}
    index: dict[str, Any] | None = None
    with _members(path) as members:
        for member, file in members:
            if member.name == INDEX:
                index = json.loads(file.read())
                continue
            hashing: Any = _Hashing(file)
            read(member.name, hashing)
            while hashing.read(1 << 20):
                pass
            found[member.name] = {"sha256": hashing.digest.hexdigest(), "bytes": member.size}
    return _checked(path, index, found)


@contextlib.contextmanager
def _members(path: Path) -> Iterator[Iterator[tuple[tarfile.TarInfo, IO[bytes]]]]:
    argv = ["zstd", "--quiet", "--decompress", "--stdout", "--", str(path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as zstd:
        assert zstd.stdout is not None
        try:
            with tarfile.open(fileobj=zstd.stdout, mode="r|") as tar:
                yield _plain_members(path, tar)
            _refuse_bad_end(path, zstd)
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise damaged(path, str(error)) from error
        finally:
            zstd.kill()


def _refuse_bad_end(path: Path, zstd: subprocess.Popen[bytes]) -> None:
    """zstd's own checksum comes after the last member."""
    assert zstd.stdout is not None
    assert zstd.stderr is not None
    while zstd.stdout.read(1 << 20):
        pass
    if zstd.wait() != 0:
        raise damaged(path, zstd.stderr.read().decode(errors="replace").strip())


def _plain_members(path: Path, tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for member in tar:
        parts = Path(member.name).parts
        file = tar.extractfile(member) if member.isreg() else None
        if file is None or ".." in parts or member.name.startswith("/"):
            raise damaged(path, f"{member.name} is no plain file inside of it")
        yield member, file


def _checked(
    path: Path, index: dict[str, Any] | None, found: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    if index is None:
        raise damaged(path, f"it ends before {INDEX}")
    if index.get("format") != FORMAT:
        raise damaged(path, f"its format is {index.get('format')}, this podfleet reads {FORMAT}")
    if found != index["files"]:
        wrong = sorted(
            name
            for name in {*found, *index["files"]}
            if found.get(name) != index["files"].get(name)
        )
        raise damaged(path, f"{', '.join(wrong[:5])} is not what its index says")
    return index


def damaged(path: Path, what: str) -> Refusal:
    return Refusal(str(path), f"this is no whole export: {what}", "Take another copy, or another.")


def unpack(path: Path, into: Path) -> dict[str, Any]:
    """Everything in it, below `into` (private to root); its index."""

    def write(name: str, file: IO[bytes]) -> None:
        target = into / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with target.open("wb") as out:
            while block := file.read(1 << 20):
                out.write(block)
        target.chmod(0o600)

    return read_back(path, write)
