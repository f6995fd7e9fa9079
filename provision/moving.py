"""The verbs that take a pod out of its place, and into another: export, retire, launch --from.

The work is done by operations on the pod's host; here the archive travels, and what it says of the
pod's identity is kept by the fleet before anything is touched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from provision.adopting import is_foreign, pack_foreign
from provision.errors import Refusal, UsageError
from provision.fleet.loading import load_file
from provision.fleet.model import Fleet, Pod
from provision.fleet.secrets import open_vault
from provision.hosts.providers import as_it_runs, connect
from provision.looking import select
from provision.operations.adopting import fetch_export, take_identity
from provision.operations.dispatch import run_operation
from provision.plan import Action
from provision.report import Report
from provision.up import Done, up


@dataclass(frozen=True)
class Archived:
    """An export: where it lies on the host, and here if it was fetched."""

    pod: str
    host: str
    # None in a dry run: there is no archive yet.
    path: str | None
    bytes: int | None
    local: str | None = None

    def line(self) -> str:
        if self.path is None:
            return f"pod {self.pod}: would be exported on host {self.host}"
        size = f"{(self.bytes or 0) / 1024**2:.1f} MiB"
        where = self.local or f"{self.path} on host {self.host}"
        return f"pod {self.pod}: {where}, {size}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def export(
    fleet: Fleet,
    report: Report,
    *,
    pods: Sequence[str] = (),
    hosts: Sequence[str] = (),
    to: Path | None = None,
    final: bool = False,
    dry_run: bool = False,
) -> list[Archived]:
    """Exports the pods, one after the other; with `to`, each archive is fetched and read back."""
    found = []
    for pod in _chosen(fleet, pods, hosts):
        host = _host(fleet, pod, hosts)
        if dry_run:
            found.append(Archived(pod.name, host, None, None))
            continue
        with report.step("final export" if final else "export", f"pod {pod.name}"):
            kept = _operate(fleet, pod, host, "export", {"final": final}, report)
        found.append(_fetched(fleet, pod, host, kept, to, report))
    return found


def retire(
    fleet: Fleet,
    report: Report,
    *,
    pods: Sequence[str] = (),
    hosts: Sequence[str] = (),
    typed_domain: str,
    dry_run: bool = False,
) -> Archived:
    """Exports one pod, then removes it; refused unless its domain was typed.

    `hosts` names the host where the fleet file has it no longer: a pod that moved away.
    """
    pod = the_pod(fleet, pods)
    host = _host(fleet, pod, hosts)
    if dry_run:
        return Archived(pod.name, host, None, None)
    if typed_domain != pod.domain:
        what = f"its domain is {pod.domain}, and what was typed is {typed_domain!r}"
        raise Refusal(f"pod {pod.name}", what, "Type the domain of the pod to retire.")
    with report.step("retire", f"pod {pod.name}"):
        kept = _operate(fleet, pod, host, "retire", {"domain": typed_domain}, report)
    return Archived(pod.name, host, kept.get("path"), kept.get("bytes"))


def launch_from(
    fleet: Fleet,
    report: Report,
    source: Path,
    *,
    pods: Sequence[str] = (),
    hosts: Sequence[str] = (),
    dry_run: bool = False,
    deep: bool = False,
) -> Done:
    """Launches one pod from an export, or from the remains of a pod that podfleet did not make.

    Its keys go into the vault and its settings into the fleet file, if they are not there yet.
    """
    pod = the_pod(fleet, pods, hosts)
    if not source.exists():
        raise UsageError("--from", f"{source} does not exist", "Name an export or a directory.")
    if dry_run:
        return _launched(up(fleet, report, pods=(pod.name,), dry_run=True), pod)
    with tempfile.TemporaryDirectory(prefix="podfleet-") as scratch:
        archive = source
        if is_foreign(source):
            with report.step("adopt", f"pod {pod.name}"):
                archive = pack_foreign(fleet, pod, source, Path(scratch), report)
            # Its settings are in the fleet file now.
            fleet = as_it_runs(load_file(fleet.file))
        take_identity(fleet, open_vault(fleet), pod, archive)
        launched = (Action.LAUNCH, Action.FINISH)
        done = up(
            fleet,
            report,
            pods=(pod.name,),
            deep=deep,
            actions=launched,
            sources={pod.name: archive},
        )
    return _launched(done, pod)


def the_pod(fleet: Fleet, pods: Sequence[str], hosts: Sequence[str] = ()) -> Pod:
    """The one pod that is meant: named, or the only one of the fleet or of the named hosts."""
    chosen = select(fleet, pods, hosts)
    if len(chosen) != 1:
        raise UsageError("--pod", "this works on one pod", f"Name one of: {', '.join(fleet.pods)}.")
    return chosen[0]


def _launched(done: Done, pod: Pod) -> Done:
    (part,) = done.plan.pods
    if part.action not in (Action.LAUNCH, Action.FINISH):
        why = "; ".join(part.reasons) or f"it is launched on host {pod.host} already"
        raise Refusal(
            f"pod {pod.name}",
            f"it was not launched from the export: {why}",
            "Name another host for it in the fleet file, or retire the one that is there.",
        )
    return done


def _chosen(fleet: Fleet, pods: Sequence[str], hosts: Sequence[str]) -> tuple[Pod, ...]:
    """A named pod on a named host need not be declared there: it may have moved away."""
    return select(fleet, pods, () if pods else hosts)


def _host(fleet: Fleet, pod: Pod, hosts: Sequence[str]) -> str:
    host = hosts[0] if hosts else pod.host
    if host not in fleet.hosts:
        known = ", ".join(fleet.hosts)
        raise UsageError("--host", f"the fleet has no host {host}", f"Name one of: {known}.")
    return host


def _operate(
    fleet: Fleet,
    pod: Pod,
    host: str,
    operation: str,
    parameters: Mapping[str, Any],
    report: Report,
) -> dict[str, Any]:
    """Runs the operation on the host; what its step `keep` says of the archive."""
    connection = connect(fleet, fleet.hosts[host], report)
    done = run_operation(connection, fleet, pod, operation, None, parameters, report)
    return dict(done.evidence.get("keep", {}))


def _fetched(
    fleet: Fleet, pod: Pod, host: str, kept: Mapping[str, Any], to: Path | None, report: Report
) -> Archived:
    remote = PurePosixPath(kept["path"])
    if to is None:
        return Archived(pod.name, host, str(remote), kept["bytes"])
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    local = to / remote.name
    with report.step("fetch the export", f"pod {pod.name}"):
        fetch_export(connect(fleet, fleet.hosts[host], report), remote, local)
    return Archived(pod.name, host, str(remote), kept["bytes"], str(local))
