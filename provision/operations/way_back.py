"""The way back from a release: the record, files and database of the one before, as they were."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import database, jobs_aside, keeping
from provision.operations.operation import Operation
from provision.writing import write_atomically

RECORD, WAY, FILES, JOBS = "record.json", "way.json", "files", "jobs"


@dataclass(frozen=True)
class WayBack:
    """What the pod was while it ran the release before, and when it left it."""

    # pod.json of then.
    record: dict[str, Any]
    # {"at": epoch seconds, "marks": {table: highest id}, "operation", "federation": how it
    # federated}; empty until its upgrade is done.
    way: dict[str, Any]

    @property
    def release_id(self) -> str:
        return str(self.record["release_id"])

    @property
    def database(self) -> str:
        return str(self.record["database"])


def keep(operation: Operation, record: Mapping[str, Any], coming: Mapping[str, Any]) -> None:
    """Puts aside what the pod is now: its record, and its files outside of the release, also
    those that are not there now and come with the manifest `coming`."""
    directory = Path(operation.places.way_back(str(record["release_id"])))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = [*outside_files(record["manifest"]), *outside_files(coming)]
    keeping.keep(paths, directory / FILES)
    (directory / JOBS).unlink(missing_ok=True)
    _write(directory / RECORD, record)


def note(places: PodPlaces, release_id: str, way: Mapping[str, Any]) -> None:
    """What a rollback to that release will want to know: when it was left, what was there."""
    _write(Path(places.way_back(release_id)) / WAY, way)


def note_jobs(places: PodPlaces, release_id: str) -> None:
    """Which background jobs wait while that release is left; looked at once, for after a cut there
    may be jobs of the next one."""
    path = Path(places.way_back(release_id)) / JOBS
    if not path.exists():
        write_atomically(path, "\n".join(jobs_aside.find(places)).encode(), mode=0o600)


def jobs(places: PodPlaces, release_id: str) -> list[str]:
    """The ids of those jobs; none where nobody looked."""
    path = Path(places.way_back(release_id)) / JOBS
    return path.read_text().splitlines() if path.exists() else []


def record_of(places: PodPlaces, release_id: str) -> dict[str, Any]:
    """pod.json as it was kept while that release ran."""
    told: dict[str, Any] = json.loads((Path(places.way_back(release_id)) / RECORD).read_bytes())
    return told


def read(places: PodPlaces, release_id: str) -> WayBack:
    """The way back to a release; refused where it is not there whole."""
    directory = Path(places.way_back(release_id))
    if not (directory / RECORD).exists():
        raise Refusal(
            f"pod {places.name}",
            f"nothing is kept of {release_id}: there is no way back to it",
            f"Run `podfleet upgrade --pod {places.name} --to VERSION` for another release.",
        )
    way = directory / WAY
    found = WayBack(
        record_of(places, release_id),
        json.loads(way.read_bytes()) if way.exists() else {},
    )
    _refuse_gone(places, found)
    return found


def _refuse_gone(places: PodPlaces, found: WayBack) -> None:
    """A way back without its code or its database is none."""
    if not Path(places.release(found.release_id)).is_dir():
        raise Refusal(
            f"pod {places.name}",
            f"the release {found.release_id} was pruned from this host",
            f"Run `podfleet upgrade --pod {places.name} --to "
            f"{found.record['release']}`: it is unpacked again, where no migration lies between.",
        )
    refuse_dropped(places, found.release_id, found.database)


def refuse_dropped(places: PodPlaces, release_id: str, name: str) -> None:
    """Nothing brings the database from before back, once a person has let it go."""
    if not database.exists(name):
        raise Refusal(
            f"pod {places.name}",
            f"the database {name}, which {release_id} ran on, is not there any "
            "more: its safety copy was acknowledged and pruned",
            "Launch the pod from an export of that time: `podfleet launch --from EXPORT`.",
        )


def put_files_back(places: PodPlaces, release_id: str) -> None:
    keeping.put_back(Path(places.way_back(release_id)) / FILES)


def forget(places: PodPlaces, release_id: str) -> None:
    directory = Path(places.way_back(release_id))
    if directory.exists():
        shutil.rmtree(directory)


def outside_files(manifest: Mapping[str, Any]) -> list[Path]:
    """A stage's files outside of releases."""
    names = [str(entry["path"]) for entry in manifest["files"]]
    return [Path(name) for name in names if not name.startswith("@release/")]


def _write(path: Path, content: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=1, sort_keys=True).encode(), mode=0o600)


def left_behind(name: str, rows: Mapping[str, int], aside: Mapping[str, int]) -> str:
    """In words: what a newer release wrote, and where that is now."""
    told = ", ".join(f"{count} in {table}" for table, count in sorted(rows.items())) or "none"
    return (
        f"rows written since the switch stay in the database {name}: {told}; "
        f"{sum(aside.values())} queued jobs that may refer to them are put aside"
    )


def by_hand(places: PodPlaces, release_id: str, name: str, *, instead_of: str) -> str:
    """What a person types on the host to let that release serve on that database, and then where
    podfleet runs: until an operation has done well again, the pod stays down after a boot."""
    opened = f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'
    # What failed to start too often is refused another start until that is forgotten.
    return (
        f"On the host: `runuser -u postgres -- psql -c '{opened}'`, "
        f"`rm -f {places.stay_down} {places.maintenance_flag}`, "
        f"`ln -sfn {places.web_socket(release_id)} {places.live_socket}`, "
        f"`ln -sfn {places.release(release_id)} {places.current}`, "
        f"`systemctl disable --now {_units(places, instead_of)}`, "
        f"`systemctl reset-failed 'pod-{places.name}-*@{release_id}.*'`, "
        f"`systemctl enable {_units(places, release_id)}`, "
        f"`systemctl restart {_units(places, release_id)}`. "
        f"Then, where podfleet runs: `podfleet up --deep --pod {places.name}`."
    )


def _units(places: PodPlaces, release_id: str) -> str:
    return (
        f"{places.web_socket_unit(release_id)} "
        f"{places.web_unit(release_id)} {places.sidekiq_unit(release_id)}"
    )
