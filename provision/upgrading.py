"""Upgrades through a fleet: the lead pod first, a wait, then the rest; the first red is the last.

look -> await what is under way -> check all -> build all -> write --to into the fleet file -> pod
after pod: ship, stage, start the operation, follow it. All that happens to a pod happens on its
host; a rerun goes on where this one stopped.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from provision.errors import Refusal, Refusals
from provision.fleet.model import Fleet, Pod
from provision.fleet.secrets import Vault, open_vault
from provision.fleet.upgrades import kinds_for
from provision.foreseeing import Foreseen, foresee
from provision.history import entry_of
from provision.hosts.facts import SERVING, HostFacts, OperationFacts, PodFacts, gather
from provision.looking import Seen, awaited, look, running_release, select
from provision.naming import name_release
from provision.operations import dispatch
from provision.releases.build import ensure_artifact
from provision.releases.ship import ship
from provision.releases.store import Artifact
from provision.report import Report
from provision.staging import stage_pod
from provision.targets import (
    Target,
    Wish,
    check_targets,
    find_targets,
    warn_of_refused,
    warn_of_runtimes,
)
from provision.waves import Result, is_red, wave


@dataclass(frozen=True)
class Upgraded:
    """One pod's upgrade (or rehearsal) that ended well: what its host told of it."""

    operation: str
    release_id: str
    evidence: Mapping[str, Any]
    # Its line of the pod's ledger; empty for a rehearsal.
    entry: Mapping[str, Any]
    is_rehearsal: bool = False


Outcome = Result[Target, Upgraded]


@dataclass(frozen=True)
class Run:
    """What every part of one run works with."""

    fleet: Fleet
    vault: Vault
    report: Report
    seen: Mapping[str, Seen]
    wish: Wish
    # The pods that were asked for, by name.
    chosen: tuple[str, ...] = ()

    def let_go(self) -> None:
        """Whoever waits for a host is released at once; what was begun there goes on."""
        for one in self.seen.values():
            if one.connection:
                one.connection.close()


def look_ahead(
    fleet: Fleet,
    report: Report,
    wish: Wish,
    *,
    pods: Sequence[str] = (),
    hosts: Sequence[str] = (),
) -> list[Foreseen]:
    """What an upgrade would do to each pod; nothing is built, written or begun."""
    chosen = select(fleet, pods, hosts)
    seen = look(fleet, dict.fromkeys(pod.host for pod in chosen), report)
    targets = find_targets(chosen, seen, report, wish, named=bool(pods))
    check_targets(fleet, targets, wish)
    foreseen = [foresee(target, report) for target in targets]
    # With --deep: nothing is done to a pod that runs that very build.
    return [one for one in foreseen if one.release_id != one.running]


def upgrade(
    fleet: Fleet,
    report: Report,
    wish: Wish,
    *,
    pods: Sequence[str] = (),
    hosts: Sequence[str] = (),
) -> list[Outcome]:
    """Upgrades the selected pods that do not run what they shall, in the fleet's order.

    Raises before anything was begun; afterwards a red is part of the outcomes.
    """
    chosen = select(fleet, pods, hosts)
    seen = _settled(fleet, chosen, report)
    targets = find_targets(chosen, seen, report, wish, named=bool(pods))
    check_targets(fleet, targets, wish)
    run = Run(fleet, open_vault(fleet), report, seen, wish, tuple(pod.name for pod in chosen))
    _need_lead(run, targets, _facts_of_lead(run))
    warn_of_runtimes(targets, report)
    run.vault.ensure_fleet()
    artifacts = {target.pod.name: _artifact(run, target) for target in targets}
    targets = [each for each in targets if artifacts[each.pod.name].release_id != each.running]
    warn_of_refused(targets, artifacts, report)
    if wish.to and not wish.rehearse:
        _name_release(run, chosen, wish.to)
    return _in_order(run, targets, lambda target: _one(run, target, artifacts[target.pod.name]))


def _settled(fleet: Fleet, chosen: Sequence[Pod], report: Report) -> dict[str, Seen]:
    """The hosts, once every operation that was under way on the pods has ended well."""
    hosts = dict.fromkeys(pod.host for pod in chosen)
    seen = look(fleet, hosts, report)
    under_way = list(awaited(chosen, seen))
    if not under_way:
        return seen
    run = Run(fleet, open_vault(fleet), report, seen, Wish())
    work = partial(_await, run)
    ended = wave(under_way, work, parallel=len(under_way), let_go=run.let_go)
    if errors := [one.error for one in ended if one.error]:
        raise Refusals(errors)
    return look(fleet, hosts, report)


def _await(run: Run, one: tuple[Pod, OperationFacts]) -> bool:
    """Wait for what another run began: this one goes on where that one stopped."""
    pod, operation = one
    connection = run.seen[pod.host].connection
    assert connection is not None
    run.report.line(f"pod {pod.name}: waits for {operation}")
    with run.report.step(f"{operation.operation} that was under way", f"pod {pod.name}"):
        dispatch.follow(connection, pod.name, operation.id, run.report)
    return True


def _artifact(run: Run, target: Target) -> Artifact:
    architecture = target.host_facts.architecture
    run.vault.need_keys(target.pod.name)
    return ensure_artifact(target.pod, run.vault, run.report, architecture=architecture)


def _name_release(run: Run, chosen: Sequence[Pod], version: str) -> None:
    """The fleet file names the version for those of the pods that are launched."""
    for pod in chosen:
        facts = run.seen[pod.host].facts
        if facts and running_release(facts.pods.get(pod.name)):
            name_release(run.fleet, pod, version, run.report)


def _in_order(
    run: Run, targets: Sequence[Target], work: Callable[[Target], Upgraded]
) -> list[Outcome]:
    """The lead pod, if it is among them; then, after the wait, the others."""
    lead = [target for target in targets if target.pod.name == run.fleet.lead_pod]
    rest = [target for target in targets if target.pod.name != run.fleet.lead_pod]
    outcomes = wave(lead, work, parallel=1, let_go=run.let_go)
    if rest and not is_red(outcomes) and not run.wish.rehearse:
        outcomes = _waited(run, targets, outcomes)
    if is_red(outcomes):
        return [*outcomes, *(Result(target) for target in rest)]
    parallel = run.fleet.upgrade.parallel
    return [*outcomes, *wave(rest, work, parallel=parallel, let_go=run.let_go)]


def _waited(run: Run, targets: Sequence[Target], outcomes: list[Outcome]) -> list[Outcome]:
    """Gives the lead pod its time; one that does not serve at its end is red after all."""
    seconds = run.fleet.upgrade.wait if outcomes else _still_to_wait(run)
    if seconds <= 0:
        return outcomes
    run.report.line(f"waits {seconds:.0f} s after pod {run.fleet.lead_pod}, before the others")
    time.sleep(seconds)
    if not outcomes:
        connection = run.seen[run.fleet.pods[run.fleet.lead_pod].host].connection
        assert connection is not None
        _need_lead(run, targets, gather(connection))
    return [_looked_at(run, outcome) for outcome in outcomes]


def _need_lead(run: Run, targets: Sequence[Target], facts: HostFacts | None) -> None:
    """On a rerun the lead pod is no target any more: it must have lasted all the same.

    Whoever names the others, and not it, goes on without it.
    """
    name, meant = run.fleet.lead_pod, {target.pod.name for target in targets}
    if facts is None or run.wish.rehearse or not meant or name in meant or name not in run.chosen:
        return
    found = facts.pods.get(name)
    if found is not None and running_release(found) and found.state != SERVING:
        what = f"the lead pod is {found.state}: no other one is upgraded after it"
        do = f"Run `podfleet status` and `podfleet logs {name}`; once it serves, run the same "
        do += "command again. Or name the others with --pod: that goes on without it."
        raise Refusal(f"pod {name}", what, do)


def _still_to_wait(run: Run) -> float:
    """What is left of the wait, where an earlier run upgraded the lead pod."""
    lead, facts = run.fleet.pods[run.fleet.lead_pod], _facts_of_lead(run)
    found = facts.pods.get(lead.name) if facts else None
    applied = _applied_at(found) if found else None
    if facts is None or applied is None:
        return 0
    return max(0, min(applied + run.fleet.upgrade.wait - facts.clock, run.fleet.upgrade.wait))


def _applied_at(found: PodFacts) -> float | None:
    """When the pod's newest operation, an upgrade, applied its release: a rehearsal never does."""
    operation, applied = found.operation, (found.record or {}).get("applied_at")
    if operation is None or operation.operation != "upgrade" or operation.exit != 0:
        return None
    if applied is None or operation.since is None:
        return None
    at = datetime.fromisoformat(applied)
    return at.timestamp() if at >= datetime.fromisoformat(operation.since) else None


def _facts_of_lead(run: Run) -> HostFacts | None:
    """What its host said; None where that is none of the hosts that were asked."""
    host = run.fleet.pods[run.fleet.lead_pod].host
    return run.seen[host].facts if host in run.seen else None


def _looked_at(run: Run, outcome: Outcome) -> Outcome:
    target = outcome.part
    state = gather(target.connection).pods[target.pod.name].state
    if state == SERVING:
        return outcome
    what = f"after the wait it is {state}: the upgrade stops here"
    do = f"Run `podfleet status` and `podfleet logs {target.pod.name}`, then `podfleet upgrade`."
    error = Refusal(f"pod {target.pod.name}", what, do)
    error.operation = outcome.made.operation if outcome.made else None
    return Result(target, error=error)


def _one(run: Run, target: Target, artifact: Artifact) -> Upgraded:
    """One pod's upgrade, from the artifact to the verdict of its host."""
    pod, connection = target.pod, target.connection
    with run.report.step("ship the artifact", f"pod {pod.name}"):
        ship(artifact, connection)
    label = "rehearse" if run.wish.rehearse else "upgrade"
    with _scratch() as directory, run.report.step(label, f"pod {pod.name}"):
        staged = stage_pod(
            run.fleet, pod, artifact.release_id, run.vault, Path(directory), for_gate=True
        )
        words = _parameters(run, target)
        started = dispatch.start(connection, run.fleet, pod, "upgrade", staged, words)
        done = dispatch.follow(connection, pod.name, started, run.report)
    entry = {} if run.wish.rehearse else entry_of(connection, pod.name, started)
    return Upgraded(started, artifact.release_id, done.evidence, entry, run.wish.rehearse)


def _parameters(run: Run, target: Target) -> dict[str, Any]:
    return {
        "kinds": dict(kinds_for(target.pod.release, target.running_version)),
        "maintenance": run.wish.maintenance,
        "rehearse": run.wish.rehearse,
        "gate_seconds": run.fleet.upgrade.gate,
        "keep_warm_seconds": run.fleet.upgrade.keep_warm,
        "host_memory_mb": target.host.memory // 1024**2,
    }


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A private directory for a stage, gone afterwards: it holds secrets."""
    return tempfile.TemporaryDirectory(prefix="podfleet-")
