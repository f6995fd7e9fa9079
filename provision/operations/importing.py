"""launch --from EXPORT: what an export adds to a launch, step by step.

The export lies in the pod's state directory, where the controller put it; it is checked before
anything is touched, and unpacked beside the pod, so that uploads are moved and not copied.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monitoring.prober.nodeinfo import probe_nodeinfo
from provision.contract import CA_BUNDLE, PodPlaces
from provision.errors import Refusal
from provision.operations import database, exports, two_factor
from provision.operations.commands import as_user
from provision.operations.operation import Operation
from provision.operations.step import Evidence

# Below the operation's host state; the controller sends it there before it starts the launch.
FILE_NAME = "import.tar.zst"


class Import:
    """The work of each step that a launch from an export has more."""

    def __init__(self, operation: Operation, database_name: str) -> None:
        self.operation = operation
        self.places = operation.places
        self.database = database_name
        self.archive = Path(self.places.state) / FILE_NAME
        self.work = Path(self.places.home) / ".import"

    def check(self) -> dict[str, Any]:
        """The export is whole, of this pod, not newer than its code, and nobody else serves it."""
        if not self.archive.exists():
            raise Refusal(str(self.archive), "is not there", "Run the same command again.")
        index = exports.read_back(self.archive)
        refuse_other_pod(self.operation, index)
        refuse_newer(self.operation, index)
        refuse_still_served(self.operation.domain, index.get("addresses", []))
        # Unpacked once, and once more as tables with their indexes.
        needed = 3 * sum(int(file["bytes"]) for file in index["files"].values())
        return {"created_at": index["created_at"], "needed_bytes": needed}

    def take_in(self, _: Evidence) -> Evidence:
        """Unpacked; the identity in it must be the one that the vault holds."""
        if self.work.exists():
            shutil.rmtree(self.work)
        self.work.mkdir(mode=0o700)
        index = exports.unpack(self.archive, self.work)
        for name in (exports.SECRET_TOKEN, exports.OIDC_KEY):
            self._refuse_other_key(name)
        return {"files": len(index["files"])}

    def _refuse_other_key(self, name: str) -> None:
        staged, taken = self.operation.secret(Path(name).name), self.work / name
        if not hmac.compare_digest(_secret_of(name, staged), _secret_of(name, taken.read_bytes())):
            raise Refusal(
                f"pod {self.operation.pod}: {name}",
                "the export's key is not the one in the vault, and a pod keeps its keys",
                "Run `podfleet launch --from` with this export: it takes the keys into the vault.",
            )

    def queues(self, _: Evidence) -> Evidence:
        """Redis finds the export's dump as the base of its append-only file, when it starts."""
        dump, directory = self.work / exports.QUEUES, self._redis_directory
        if not dump.exists() or (directory / "appendonlydir").exists():
            return {"queues": "none" if not dump.exists() else "there already"}
        new = directory / ".appendonlydir.new"
        if new.exists():
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        base = new / "appendonly.aof.1.base.rdb"
        shutil.copyfile(dump, base)
        (new / "appendonly.aof.manifest").write_text(f"file {base.name} seq 1 type b\n")
        for path in (new, *new.iterdir()):
            shutil.chown(path, "redis", "redis")
        new.rename(directory / "appendonlydir")
        return {"bytes": dump.stat().st_size}

    @property
    def _redis_directory(self) -> Path:
        return Path(self.operation.layout.redis_directory)

    def restore(self, _: Evidence) -> Evidence:
        """Into a database made anew each time: half a restore leaves nothing behind."""
        database.drop(self.database)
        database.ensure(self.places, self.database)
        custom, plain = self.work / exports.CUSTOM_DUMP, self.work / exports.PLAIN_DUMP
        if custom.exists():
            restore_custom(custom, self.database, self.places)
        else:
            restore_plain(plain, self.database, self.places)
        two_factor.refuse_encrypted(self.operation.pod, self.database)
        return {"bytes": database.size(self.database)}

    def has_uploads(self) -> Evidence:
        there = Path(self.places.uploads)
        return {"were_there": there.exists() and any(there.iterdir())}

    def uploads(self, _: Evidence) -> Evidence:
        """Moved, and handed to the pod."""
        source, target = self.work / exports.UPLOADS, Path(self.places.uploads)
        if source.exists():
            _hand_over(source, self.places.user)
            if target.exists():
                shutil.rmtree(target)
            source.rename(target)
        return {"files": sum(path.is_file() for path in target.rglob("*"))}

    def remove_uploads(self, seen: Evidence) -> None:
        if not seen["were_there"]:
            for path in Path(self.places.uploads).iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def forget(self, _: Evidence) -> None:
        """The export's copy and what was unpacked of it hold the pod's keys: they go."""
        if self.work.exists():
            shutil.rmtree(self.work)
        self.archive.unlink(missing_ok=True)

    def forget_work(self, _: Evidence) -> None:
        if self.work.exists():
            shutil.rmtree(self.work)


def _secret_of(name: str, content: bytes) -> bytes:
    """What counts of a key's file: secret_token.rb has been written in several ways."""
    if name == exports.SECRET_TOKEN:
        found = re.search(rb"""['"]([^'"]{30,})['"]""", content)
        return found[1] if found else b""
    return b"".join(content.split())


def _hand_over(top: Path, user: str) -> None:
    """All below is the pod's; the top, as the deploy declares it, the pod only writes in."""
    shutil.chown(top, "root", user)
    top.chmod(0o775)
    for directory, names, files in os.walk(top):
        for name in names:
            shutil.chown(Path(directory, name), user, user)
            Path(directory, name).chmod(0o755)
        for name in files:
            shutil.chown(Path(directory, name), user, user)
            Path(directory, name).chmod(0o644)


def restore_custom(dump: Path, name: str, places: PodPlaces) -> None:
    """As the pod's own user: what it owns is right, whoever owned it where it came from, and its
    statements may do what the pod may.

    Dumps by PostgreSQL 10 and before comment on the extension plpgsql, which no pod owns.
    """
    argv = [*as_user(places.user), "pg_restore", "--no-owner", "--no-acl", "--no-comments"]
    argv += ["--exit-on-error", f"--username={places.user}", f"--dbname={name}"]
    with dump.open("rb") as source:
        subprocess.run(argv, stdin=source, capture_output=True, check=True, cwd="/")


def restore_plain(dump: Path, name: str, places: PodPlaces) -> None:
    """The same for plain SQL, without what it says of owners and rights."""
    argv = [*as_user(places.user), "psql", "-XAtq", "-v", "ON_ERROR_STOP=1"]
    argv += ["--single-transaction", "-U", places.user, "-d", name]
    with (
        dump.open("rb") as source,
        subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/"
        ) as process,
    ):
        assert process.stdin is not None
        for line in without_owners(source):
            process.stdin.write(line)
        _, words = process.communicate()
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, argv, stderr=words)


def without_owners(lines: Iterator[bytes] | Any) -> Iterator[bytes]:
    """A plain dump without statements on owners and rights; rows between COPY and \\. are kept."""
    is_data = False
    for line in lines:
        if is_data:
            is_data = line.rstrip(b"\r\n") != b"\\."
        elif _is_of_owners(line):
            continue
        else:
            is_data = line.startswith(b"COPY ") and line.rstrip().endswith(b"FROM stdin;")
        yield line


def _is_of_owners(line: bytes) -> bool:
    if line.startswith((b"GRANT ", b"REVOKE ", b"COMMENT ON EXTENSION ")):
        return True
    return line.startswith(b"ALTER ") and (
        b" OWNER TO " in line or line.startswith(b"ALTER DEFAULT PRIVILEGES ")
    )


def refuse_other_pod(operation: Operation, index: dict[str, Any]) -> None:
    if index["domain"] != operation.domain:
        raise Refusal(
            f"pod {operation.pod}",
            f"the export is of {index['domain']}, and the fleet file says {operation.domain}: a "
            "pod's domain can never change",
            f"Write {index['domain']} into the fleet file, or take the right export.",
        )


def refuse_newer(operation: Operation, index: dict[str, Any]) -> None:
    """An older database is migrated; older code would not know a newer one."""
    taken, staged = index.get("release"), str(operation.staged_pod["release"])
    if taken and _numbers(taken) > _numbers(staged):
        raise Refusal(
            f"pod {operation.pod}",
            f"the export is of release {taken}, newer than {staged} in the fleet file",
            f"Write {taken} into the fleet file.",
        )


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())


def refuse_still_served(domain: str, addresses: list[str]) -> None:
    """Two pods under one name and one key would tear the pod's federation apart."""
    for address in addresses:
        probe = asyncio.run(
            probe_nodeinfo(f"https://{domain}", address=address, ca_file=str(CA_BUNDLE))
        )
        if probe.is_well:
            raise Refusal(
                domain,
                f"the old pod still answers, at {address} ({probe.software} {probe.version})",
                "Close it with `podfleet export --final` (or stop it, where it is not podfleet's), "
                "and launch from that export.",
            )
