"""Which way an upgrade takes: what its migrations mean for running code, what memory allows.

Looks, and touches nothing: `upgrade --dry-run` asks it, and so does the upgrade itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import database, ledger, memory
from provision.operations.migrator import migrations
from provision.operations.operation import read_record

PLAIN, EXPAND, BREAKING = "plain", "expand", "breaking"
AMPLE, SMALL, TINY = memory.AMPLE, memory.SMALL, memory.TINY
# One migration, where none has been rehearsed yet.
MIGRATION_SECONDS = 0.1
# A version is a number: diaspora*'s first one, 0000_create_schema, is 0 to Rails.
_VERSION = re.compile(r"\d+")


@dataclass(frozen=True)
class Way:
    """The way that one upgrade takes; kept in its journal."""

    path: str
    order: str
    # Versions of the migrations that the live database has not seen, oldest first.
    pending: tuple[str, ...]
    # Of them, those that the catalogue does not know: they count as breaking.
    unknown: tuple[str, ...]
    # Versions that the catalogue calls irreversible.
    irreversible: tuple[str, ...]
    live_database: str
    database_bytes: int
    predicted_seconds: float
    resident_mb: int
    # What the old release's processes hold: what the new ones are expected to.
    web_mb: int
    sidekiq_mb: int
    needs_bytes: int

    @property
    def is_breaking(self) -> bool:
        return self.path == BREAKING

    @property
    def is_tiny(self) -> bool:
        return self.order == TINY

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> Way:
        lists = ("pending", "unknown", "irreversible")
        read: dict[str, Any] = {k: tuple(v) if k in lists else v for k, v in found.items()}
        return Way(**read)


@dataclass(frozen=True)
class Asked:
    """What the controller says of the release that is to run."""

    # Names of its db/migrate.
    migrations: Sequence[str]
    # What the catalogue knows of them, by version.
    kinds: Mapping[str, str]
    unpacked_bytes: int
    host_memory_mb: int


def answer(pod: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """For `upgrade --dry-run`: the way of a release that is not on the host yet."""
    places = PodPlaces(pod)
    record = read_record(places)
    if record is None:
        raise Refusal(f"pod {pod}", "is not launched on this host", "Run `podfleet up` first.")
    known = {field.name for field in fields(Asked)}
    found = look_ahead(places, record, Asked(**{k: v for k, v in asked.items() if k in known}))
    return found.to_json()


def look_ahead(places: PodPlaces, record: Mapping[str, Any], asked: Asked) -> Way:
    """The way that an upgrade to that release would take now."""
    name = str(record["database"])
    release, size = str(record["release_id"]), database.size(name)
    known = migrations(Path(places.release(release)))
    pending, ahead = compare(asked.migrations, database.schema_versions(name), known)
    _refuse_way_back(places, ahead, asked.kinds)
    path, unknown = path_of(pending, asked.kinds)
    resident = memory.resident_mb() - _kept_warm_mb(places, record)
    web = memory.unit_mb(places.web_unit(release))
    sidekiq = memory.unit_mb(places.sidekiq_unit(release))
    order = memory.order(
        asked.host_memory_mb, resident, web, sidekiq, web, has_migrations=bool(pending)
    )
    return Way(
        path=path,
        order=order,
        pending=pending,
        unknown=unknown,
        irreversible=tuple(v for v in pending if asked.kinds.get(v) == "irreversible"),
        live_database=name,
        database_bytes=size,
        predicted_seconds=predict(
            path,
            order,
            size,
            len(pending),
            ledger.copy_rate(places),
            ledger.overhead_seconds(places),
            ledger.boot_seconds(places),
        ),
        resident_mb=int(resident),
        web_mb=int(web),
        sidekiq_mb=int(sidekiq),
        # The release itself; the rehearsal's copy, and the one that measures it.
        needs_bytes=asked.unpacked_bytes + size * {PLAIN: 0, EXPAND: 1, BREAKING: 2}[path],
    )


def _kept_warm_mb(places: PodPlaces, record: Mapping[str, Any]) -> float:
    """The release before this one makes room first."""
    previous = record.get("previous")
    return memory.unit_mb(places.web_unit(str(previous["release_id"]))) if previous else 0.0


def path_of(pending: Iterable[str], kinds: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """As breaking as the worst pending migration; those that nobody knows count as breaking."""
    found = list(pending)
    unknown = tuple(version for version in found if version not in kinds)
    if not found:
        return PLAIN, ()
    is_expand = all(kinds.get(version) == EXPAND for version in found)
    return (EXPAND if is_expand else BREAKING), unknown


def predict(
    path: str,
    order: str,
    database_bytes: int,
    migrations: int,
    bytes_per_second: float,
    overhead_seconds: float,
    boot_seconds: float = ledger.BOOT_SECONDS,
) -> float:
    """Seconds for which requests will be held, before anything was rehearsed."""
    seconds = 0.0
    if path == BREAKING:
        seconds = overhead_seconds + MIGRATION_SECONDS * migrations
        seconds += database_bytes / bytes_per_second
    if order == TINY:
        seconds += boot_seconds
    return round(seconds, 2)


def compare(
    names: Iterable[str], seen: Iterable[str], known: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The versions that the database lacks, and those that it got from code newer than the
    release: `known` are the running release's.

    Of what neither knows, nothing is told: upstream merges old migrations into its first one, and
    an old pod's database has seen them one by one."""
    versions = {int(found[0]) for name in names if (found := _VERSION.match(name))}
    done = set(map(int, seen))
    ahead = (done & set(map(int, known))) - versions
    return tuple(map(str, sorted(versions - done))), tuple(map(str, sorted(ahead)))


def _refuse_way_back(places: PodPlaces, ahead: Sequence[str], kinds: Mapping[str, str]) -> None:
    """Code does not go back over a database that was changed in a way it cannot live with."""
    breaking = [version for version in ahead if kinds.get(version) != EXPAND]
    if breaking:
        raise Refusal(
            f"pod {places.name}",
            f"its database has seen migrations that this release does not know and cannot live "
            f"with ({', '.join(breaking)}): it cannot go back without the database from before "
            "them, the safety copy",
            f"Run `podfleet rollback --pod {places.name}`, which takes that one.",
        )
