"""export: database, uploads, identity, settings and queues of a pod in one archive, read back.

`--final` closes the pod before, and leaves it closed: for a move, nothing may be written after.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import database, exports, recording, units
from provision.operations.commands import run
from provision.operations.operation import Operation, need_record, state_of
from provision.operations.preflight import platform_level, refuse_full_disk
from provision.operations.step import Evidence, Step

_SETTINGS = ("config/diaspora.toml", "config/database.yml")


def steps(operation: Operation) -> list[Step]:
    """The export, top to bottom."""
    export = Export(operation, Path(operation.places.exports))
    is_final = bool(operation.parameters.get("final"))
    return [
        Step("preflight", export.preflight),
        *([Step("close", export.close, export.reopen)] if is_final else []),
        *export.archive_steps(),
        *([Step("record", export.record_closed)] if is_final else []),
    ]


class Export:
    """The steps that retire shares, with the directory that the archive ends up in."""

    def __init__(self, operation: Operation, directory: Path) -> None:
        self.operation = operation
        self.places = operation.places
        self.directory = directory
        self.work = Path(self.places.exports) / f".{operation.id}"

    def archive_steps(self) -> list[Step]:
        return [
            Step("dump", self.dump, self.forget),
            Step("pack", self.pack, self.forget),
            Step("check", self.check, self.forget),
            Step("keep", self.keep),
        ]

    def preflight(self, _: Evidence) -> Evidence:
        record = need_record(self.operation)
        needed = database.size(record["database"]) + tree_bytes(Path(self.places.uploads))
        free = refuse_full_disk(Path(self.places.exports), needed)
        return {"level": platform_level(), "needed_bytes": needed, "disk_free_bytes": free}

    def close(self, _: Evidence) -> None:
        """Visitors see the maintenance page; nothing writes any more, also not after a boot."""
        record = need_record(self.operation)
        units.close(self.places)
        units.hold_down(self.places)
        run(["systemctl", "stop", *reversed(units.own_units(self.places, record["release_id"]))])

    def reopen(self, _: Evidence) -> None:
        record = need_record(self.operation)
        if record.get("is_closed"):
            return
        units.let_up(self.places)
        units.start(self.places, record["release_id"])
        units.open_up(self.places)

    def dump(self, _: Evidence) -> Evidence:
        """The database first, the uploads later: a row never misses its file."""
        record = need_record(self.operation)
        if self.work.exists():
            shutil.rmtree(self.work)
        self.work.mkdir(mode=0o700, parents=True)
        _to_file(_pg_dump(record["database"]), self.work / exports.CUSTOM_DUMP)
        queues = self.work / exports.QUEUES
        run(["redis-cli", "-s", str(self.places.redis_socket), "--rdb", str(queues)])
        queues.chmod(0o600)
        return {name.name: name.stat().st_size for name in sorted(self.work.iterdir())}

    def pack(self, _: Evidence) -> Evidence:
        record = need_record(self.operation)
        with exports.writing(self.work / "export.part") as archive:
            archive.add_file(exports.CUSTOM_DUMP, self.work / exports.CUSTOM_DUMP)
            archive.add_file(exports.QUEUES, self.work / exports.QUEUES)
            _add_identity(archive, self.places)
            _add_settings(archive, self.places, record["release_id"])
            count = archive.add_tree(exports.UPLOADS, Path(self.places.uploads))
            archive.finish(self._about(record))
        return {"uploads": count, "bytes": (self.work / "export.part").stat().st_size}

    def _about(self, record: dict[str, Any]) -> dict[str, Any]:
        return {
            "domain": record["domain"],
            "pod": self.operation.pod,
            "release": record["release"],
            "release_id": record["release_id"],
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "is_final": bool(self.operation.parameters.get("final")),
            "addresses": public_addresses(),
        }

    def check(self, _: Evidence) -> Evidence:
        """Reads all of it back: digests, and the dump's table of contents by pg_restore."""
        tables = 0

        def look(name: str, file: IO[bytes]) -> None:
            nonlocal tables
            if name == exports.CUSTOM_DUMP:
                tables = count_tables(file)

        index = exports.read_back(self.work / "export.part", look)
        return {"tables": tables, "files": len(index["files"])}

    def keep(self, _: Evidence) -> Evidence:
        """The archive appears under its name, whole and checked; what it was made of goes."""
        target = self.directory / self._name()
        part = self.work / "export.part"
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if part.exists():
            # Copied, because the directory may lie on another filesystem.
            shutil.move(part, target)
            target.chmod(0o600)
        self.forget({})
        return {"path": str(target), "bytes": target.stat().st_size}

    def _name(self) -> str:
        stamp = self.operation.id.partition("-")[0]
        return f"{need_record(self.operation)['domain']}-{stamp}.tar.zst"

    def forget(self, _: Evidence) -> None:
        if self.work.exists():
            shutil.rmtree(self.work)

    def record_closed(self, _: Evidence) -> Evidence:
        recording.write(self.operation, {**need_record(self.operation), "is_closed": True})
        return dict(state_of(self.operation).done["keep"])


def _pg_dump(database: str) -> list[str]:
    argv = ["runuser", "-u", "postgres", "--", "pg_dump", "--format=custom", "--compress=zstd:3"]
    # Who may look into it is said where it is restored: elsewhere there may be no monitor.
    return [*argv, "--no-acl", "--dbname", database]


def _to_file(argv: list[str], path: Path) -> None:
    path.touch(mode=0o600)
    with path.open("wb") as target:
        subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=subprocess.PIPE,
            check=True,
            cwd="/",
        )


def count_tables(dump: IO[bytes]) -> int:
    """How many tables' data a dump holds, by pg_restore's own reading of it."""
    # Into a file: a pipe that nobody empties would stop pg_restore, and so us.
    with tempfile.TemporaryFile() as said:
        argv = ["pg_restore", "--list"]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT
        ) as listing:
            assert listing.stdin is not None
            _feed(dump, listing.stdin)
            listing.communicate()
        said.seek(0)
        words = said.read()
    if listing.returncode != 0:
        raise Refusal(
            exports.CUSTOM_DUMP,
            f"pg_restore cannot read it: {words.decode(errors='replace').strip()}",
            "Run the same command again; if it fails again, look at PostgreSQL's log.",
        )
    return sum(b" TABLE DATA " in line for line in words.splitlines())


def _feed(source: IO[bytes], sink: IO[bytes]) -> None:
    """pg_restore stops reading after the table of contents: that is no failure."""
    write: Callable[[bytes], object] = sink.write
    while block := source.read(1 << 20):
        try:
            write(block)
        except BrokenPipeError:
            return


def _add_identity(archive: exports.Writer, places: PodPlaces) -> None:
    for name in (exports.SECRET_TOKEN, exports.OIDC_KEY):
        archive.add_file(name, Path(places.keys) / Path(name).name)


def _add_settings(archive: exports.Writer, places: PodPlaces, release_id: str) -> None:
    for name in _SETTINGS:
        path = Path(places.release(release_id)) / name
        archive.add_file(f"settings/{path.name}", path)
    # The one that sidekiq made.
    archive.add_plain_file("settings/schedule.yml", Path(places.shared) / "schedule.yml")


def tree_bytes(top: Path) -> int:
    return sum(path.stat().st_size for path in top.rglob("*") if path.is_file())


def public_addresses() -> list[str]:
    """The host's own addresses that others may reach: where this pod is found now."""
    links = json.loads(run(["ip", "-json", "address", "show", "scope", "global"]))
    found = [info.get("local") for link in links for info in link.get("addr_info", ())]
    return sorted(address for address in found if address)
