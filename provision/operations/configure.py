"""configure: applies a changed fleet file, or mends what was altered; restarts what it touches.

A red gate puts the previous files back, and lets the same units take them up again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provision.contract import PODS
from provision.errors import Refusal
from provision.hosts import host_state
from provision.hosts.drift import Drift
from provision.operations import (
    applying,
    background,
    federating,
    keeping,
    keys,
    presence,
    recording,
    release_tree,
    units,
)
from provision.operations.effects import Effect, effects
from provision.operations.operation import Operation, need_record, not_safe, state_of
from provision.operations.preflight import platform_level, refuse_full_disk
from provision.operations.step import Evidence, Step


def steps(operation: Operation) -> list[Step]:
    """The configuration, top to bottom."""
    configure = _Configure(operation)
    return [
        Step("preflight", configure.preflight),
        # Its way back comes after that of the files: units take up what was put back.
        Step("keep", configure.keep, configure.take_up_again),
        Step("files", configure.files, configure.put_back, configure.pick_uid),
        Step("apply", configure.apply),
        Step("open", configure.open),
        Step("gates", configure.gates),
        Step("record", configure.record),
    ]


class _Configure:
    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.places = operation.places
        self.kept = operation.directory / "kept"

    def preflight(self, _: Evidence) -> Evidence:
        record = need_record(self.operation)
        refuse_another_pod(self.operation, record)
        refuse_closed(self.operation, record)
        return {"level": platform_level(), "free": refuse_full_disk(Path(PODS), 0)}

    def keep(self, _: Evidence) -> Evidence:
        """Puts aside what may be replaced, and says what will be touched, and why."""
        record = need_record(self.operation)
        keeping.keep(self._paths(record), self.kept)
        drift = drift_of(self.operation)
        found = effects(record["manifest"], self.operation.manifest, drift)
        return {
            "effects": [vars(effect) for effect in found],
            "needs_present": self._needs_present(record, drift),
            federating.BEFORE: federating.before(self.operation),
        }

    def _needs_present(self, record: dict[str, Any], drift: list[Drift]) -> bool:
        """The deploy takes seconds: it runs where something outside of the release differs; and
        where nothing differs at all, for then it was asked for (--deep)."""
        is_drifted = any(not one.is_unit and not _is_inside(one.where) for one in drift)
        differs = _outside(record["manifest"]) != _outside(self.operation.manifest)
        is_deep = not drift and record["digest"] == self.operation.manifest["digest"]
        return differs or is_drifted or is_deep

    def _paths(self, record: dict[str, Any]) -> list[Path]:
        manifests = (record["manifest"], self.operation.manifest)
        names = [entry["path"] for manifest in manifests for entry in manifest["files"]]
        outside = [Path(name) for name in names if not _is_inside(name)]
        inside = release_tree.settings_of(self.operation, record["database"])
        return [*outside, *(Path(path) for path, _ in inside)]

    def _effects(self) -> list[Effect]:
        kept = state_of(self.operation).done["keep"]["effects"]
        return [Effect(one["action"], one["unit"], tuple(one["reasons"])) for one in kept]

    def pick_uid(self) -> Evidence:
        return {"uid": presence.pick_uid(self.places)}

    def files(self, seen: Evidence) -> Evidence:
        record = need_record(self.operation)
        changed = []
        if state_of(self.operation).done["keep"]["needs_present"]:
            changed = presence.make_present(self.operation, seen["uid"])
        shall = frozenset(entry["path"] for entry in self.operation.manifest["files"])
        presence.remove_files(record["manifest"], keep=shall)
        keys.put_in_place(self.operation)
        release_tree.write_settings(self.operation, record["database"])
        # Of a pod that was launched before there was a latch.
        background.lift(self.places, self.operation.release_id)
        return {"changed": changed}

    def put_back(self, _: Evidence) -> None:
        keeping.put_back(self.kept)

    def apply(self, _: Evidence) -> Evidence:
        applying.carry_out(self._effects(), self.operation.staged_pod)
        return {"effects": [str(effect) for effect in self._effects()]}

    def take_up_again(self, _: Evidence) -> None:
        if "apply" in state_of(self.operation).before:
            applying.carry_out(self._effects(), self.operation.staged_pod)

    def open(self, _: Evidence) -> None:
        """What may have been closed by hand, or by a web that could not boot."""
        units.let_up(self.places)
        units.enable(self.places, self.operation.release_id)
        units.start(self.places, self.operation.release_id)
        units.switch(self.places, self.operation.release_id)
        units.open_up(self.places)

    def gates(self, _: Evidence) -> Evidence:
        """As code does: health, then federation."""
        return federating.federation(self.operation, 0)

    def record(self, _: Evidence) -> Evidence:
        return recording.record(self.operation, need_record(self.operation)["database"])


def _is_inside(path: str) -> bool:
    """Whether a managed file lies in the release."""
    return path.startswith("@release/")


def _outside(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in manifest["files"] if not _is_inside(entry["path"])]


def drift_of(operation: Operation) -> list[Drift]:
    """What is no longer as it was left, by the same look that `plan` takes."""
    record = need_record(operation)
    states = host_state.unit_states([entry["unit"] for entry in record["units"]])
    seen = host_state.describe_pod(operation.pod, record, states)
    return [Drift(**one) for one in seen["drift"]]


def refuse_another_pod(operation: Operation, record: dict[str, Any]) -> None:
    """Neither the domain nor the release changes here."""
    refuse_another_domain(operation, record)
    if operation.release_id != record["release_id"]:
        raise Refusal(
            f"pod {operation.pod}",
            f"runs {record['release_id']}, not {operation.release_id}",
            "Run `podfleet upgrade` for another release.",
        )


def refuse_another_domain(operation: Operation, record: dict[str, Any]) -> None:
    if operation.domain != record["domain"]:
        raise Refusal(
            f"pod {operation.pod}",
            f"was launched as {record['domain']}, and a pod's domain can never change "
            f"(it is in every remote pod's database); the fleet file says {operation.domain}",
            f"Write {record['domain']} into the fleet file again.",
        )


def refuse_not_safe(operation: Operation) -> None:
    """What runs then is known to the person alone who mended it: the record may tell of another
    release, and a way back would be the one before that."""
    if last := not_safe(operation.pod):
        raise Refusal(
            f"pod {operation.pod}",
            f"its operation {last.id} could go neither forward nor back",
            f"Do on the host what it said (the end of {last.journal.path} says it again); then "
            f"run `podfleet up --deep --pod {operation.pod}`.",
        )


def refuse_closed(operation: Operation, record: dict[str, Any]) -> None:
    """A pod that was closed for a move must not come up again beside its successor."""
    if record.get("is_closed") and not operation.parameters.get("reopen"):
        raise Refusal(
            f"pod {operation.pod}",
            "is closed: its final export was taken, for a move",
            "Launch it from that export on its new host; or, if it did not move, run "
            f"`podfleet configure --reopen --pod {operation.pod}`.",
        )
