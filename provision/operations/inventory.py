"""What a pod keeps on its host, and why.

    release   kept: the live one, the one before (the way back), one whose processes run
    way back  what the pod was while it ran a release: kept with it, or with its database
    database  kept: the live one; a safety copy, and rows that a rollback left behind, until a
              person accepts by name that they go
    artifact  kept while a pod of the host has it unpacked, or it was just shipped
    jobs      put aside by a rollback, until a person accepts that they go
    orphan    what a cut or a kill left; never kept

An operation under way keeps all that it names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from provision.contract import ARTIFACTS, PODS, RELEASE_ID, PodPlaces
from provision.errors import Refusal
from provision.operations import database, jobs_aside, orphans, release_tree, way_back
from provision.operations.commands import is_active
from provision.operations.operation import read_record, unfinished

# An artifact that is being shipped for an operation to come is in no release directory yet.
JUST_SHIPPED_SECONDS = 3600
PRUNED = ".pruned-"


@dataclass(frozen=True)
class Item:
    """One thing that takes room. Without a `why` it goes when the pod is pruned."""

    kind: str
    id: str
    bytes: int | None
    at: float | None
    why: str | None
    remove: Callable[[], None] = field(repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "id": self.id, "bytes": self.bytes, "why": self.why,
            "at": self.at and datetime.fromtimestamp(self.at, UTC).isoformat(timespec="seconds"),
        }  # fmt: skip


@dataclass(frozen=True)
class Keeping:
    """One pod's things, and the rules for them."""

    places: PodPlaces
    # The ids that a person lets go.
    accepted: frozenset[str] = frozenset()

    def items(self) -> list[Item]:
        return [
            *self._databases(), *self._way_backs(), *self._releases(), *self._artifacts(),
            *self._jobs(), *self._orphans(),
        ]  # fmt: skip

    def refuse_live(self) -> None:
        if self._live_database in self.accepted:
            raise Refusal(
                f"pod {self.places.name}",
                f"its database {self._live_database} is in use",
                "Accept only what `podfleet releases` lists as a safety copy.",
            )

    def tidy_assets(self) -> None:
        """Assets of no release go. First those that stay are joined from releases that stay: of
        files of one name the last release's is linked."""
        for release_id in (self._previous_release, self._live_release):
            if release_id and (Path(self.places.release(release_id)) / "public/assets").is_dir():
                release_tree.join_assets(self.places, release_id)
        for path in Path(self.places.assets).rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1:
                path.unlink()

    @cached_property
    def _record(self) -> dict[str, Any]:
        return read_record(self.places) or {}

    @property
    def _live_release(self) -> str:
        return str(self._record.get("release_id", ""))

    @property
    def _live_database(self) -> str:
        return str(self._record.get("database", ""))

    @cached_property
    def _previous(self) -> dict[str, Any]:
        """The release before and its database, as long as there is a way back."""
        previous: dict[str, Any] = self._record.get("previous") or {}
        name = previous.get("database")
        is_whole = name == self._live_database or (
            name in self._names and name not in self.accepted
        )
        return previous if is_whole else {}

    @property
    def _previous_release(self) -> str:
        return str(self._previous.get("release_id", ""))

    @cached_property
    def _names(self) -> list[str]:
        return database.of_pod(self.places)

    @cached_property
    def _ran_on(self) -> dict[str, str]:
        """Which release each database was left with, of those that are remembered."""
        top = Path(self.places.way_back("x")).parent
        found = sorted(top.glob(f"*/{way_back.RECORD}"), key=lambda path: path.stat().st_mtime)
        records = (json.loads(path.read_bytes()) for path in found)
        return {str(one["database"]): str(one["release_id"]) for one in records}

    @cached_property
    def _named(self) -> str:
        """All that an operation under way says: whatever it names is kept."""
        operation = unfinished(self.places.name)
        if operation is None:
            return ""
        return json.dumps([operation.request, operation.journal.lines()], default=str)

    def _under_way(self, name: str) -> str | None:
        return "an operation under way names it" if name and name in self._named else None

    # The kinds.

    def _databases(self) -> Iterator[Item]:
        half = set(database.half_dropped())
        for name in self._names:
            if name in half:
                yield self._orphan(name, None, None, partial(database.drop, name))
                continue
            size, made = database.size(name), database.made_at(name)
            drop = partial(database.drop, name)
            yield Item("database", name, size, made, self._why_database(name), drop)

    def _why_database(self, name: str) -> str | None:
        if name == self._live_database:
            return "in use"
        if why := self._under_way(name):
            return why
        if not name.rpartition("_")[2].isdigit():
            # Made to measure how long a copy takes.
            return None
        if name in self.accepted:
            return None
        release = self._ran_on.get(name)
        what = f"what {release} ran on" if release else "nothing remembers what it was for"
        return f"{what}; goes by --accept {name}"

    def _way_backs(self) -> Iterator[Item]:
        for path in _below(Path(self.places.way_back("x")).parent):
            yield Item(
                "way back", path.name, _tree_bytes(path), path.stat().st_mtime,
                self._why_way_back(path), partial(shutil.rmtree, path),
            )  # fmt: skip

    def _why_way_back(self, path: Path) -> str | None:
        if path.name == self._previous_release:
            return "the way back"
        if why := self._under_way(path.name):
            return why
        left = next((name for name, one in self._ran_on.items() if one == path.name), None)
        stays = left in self._names and left not in (self._live_database, *self.accepted)
        return f"tells of the database {left}" if stays else None

    def _releases(self) -> Iterator[Item]:
        for path in _below(Path(self.places.releases)):
            if RELEASE_ID.match(path.name):
                yield Item(
                    "release", path.name, _release_bytes(path), path.stat().st_mtime,
                    self._why_release(path.name), partial(self._remove_release, path),
                )  # fmt: skip
            elif not self._under_way(path.name):
                yield self._orphan(
                    str(path), _tree_bytes(path), path.stat().st_mtime, partial(shutil.rmtree, path)
                )

    def _why_release(self, release_id: str) -> str | None:
        if release_id == self._live_release:
            return "runs"
        if release_id == self._previous_release:
            return "the way back"
        units = (self.places.web_unit(release_id), self.places.sidekiq_unit(release_id))
        if any(is_active(unit) for unit in units):
            return "its processes are still there"
        return self._under_way(release_id)

    def _remove_release(self, path: Path) -> None:
        """By a rename first: half a release must not be taken for one."""
        going = path.with_name(PRUNED + path.name)
        if going.exists():
            shutil.rmtree(going)
        path.rename(going)
        shutil.rmtree(going)

    def _artifacts(self) -> Iterator[Item]:
        mine = {path.name for path in _below(Path(self.places.releases))}
        others = {path.name for path in Path(PODS).glob("*/releases/*")} - mine
        for tarball in sorted(Path(ARTIFACTS).glob("*.tar.zst")):
            release_id = tarball.name.removesuffix(".tar.zst")
            if release_id in mine or release_id not in others:
                yield self._artifact(tarball, release_id, is_others=self._has_other(release_id))

    def _has_other(self, release_id: str) -> bool:
        found = Path(PODS).glob(f"*/releases/{release_id}")
        return any(path.parent != Path(self.places.releases) for path in found)

    def _artifact(self, tarball: Path, release_id: str, *, is_others: bool) -> Item:
        at = tarball.stat().st_mtime
        there = Path(self.places.release(release_id)).is_dir()
        why = self._why_release(release_id) if there else self._under_way(release_id)
        if is_others:
            why = "another pod of the host has it"
        elif why is not None and there:
            why = "its release is kept"
        elif time.time() - at < JUST_SHIPPED_SECONDS:
            why = "was just shipped"
        files = list(Path(ARTIFACTS).glob(f"{release_id}.*"))
        return Item(
            "artifact", release_id, sum(path.stat().st_size for path in files), at, why,
            partial(_unlink, files),
        )  # fmt: skip

    def _jobs(self) -> Iterator[Item]:
        try:
            waiting = jobs_aside.waiting(self.places)
        except subprocess.CalledProcessError:
            # Its Redis does not run: what is in there cannot be pruned either.
            return
        for operation_id, count in waiting.items():
            id_ = f"jobs-{operation_id}"
            why = f"put aside by a rollback ({count}); go by --accept {id_}"
            yield Item(
                "jobs", id_, None, None, None if id_ in self.accepted else why,
                partial(jobs_aside.forget, self.places, operation_id),
            )  # fmt: skip

    def _orphans(self) -> Iterator[Item]:
        for found in orphans.orphaned_files():
            path = Path(found["path"])
            yield self._orphan(
                str(path), found["bytes"], found["at"], partial(orphans.remove, path)
            )

    def _orphan(
        self, id_: str, size: int | None, at: float | None, remove: Callable[[], None]
    ) -> Item:
        return Item("orphan", id_, size, at, self._under_way(id_), remove)


def _below(top: Path) -> list[Path]:
    return sorted(path for path in top.glob("*") if path.is_dir() and not path.is_symlink())


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _release_bytes(path: Path) -> int:
    counted = path / ".podfleet-bytes"
    return int(counted.read_text()) if counted.exists() else _tree_bytes(path)


def _tree_bytes(top: Path) -> int:
    total = 0
    for directory, _, names in os.walk(top):
        total += sum(os.lstat(Path(directory, name)).st_blocks * 512 for name in names)
    return total
