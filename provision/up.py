"""From a fleet file to pods that federate: what `up`, `launch` and `configure` do, in order.

look -> plan -> build beside platform -> launch or configure -> introduce -> canary. Each wave runs
its hosts or pods in parallel; the first wave with a failure is the last.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from monitoring.canary.flights import Flight
from provision.converge.run import converge
from provision.converge.variables import ROLES
from provision.errors import PodfleetError, Refusal, Refusals
from provision.federation import introduce_pods, launched_pods, prove_federation
from provision.fleet.launched import record_launched
from provision.fleet.model import Fleet, Host, Pod
from provision.fleet.secrets import Vault, open_vault
from provision.hosting import staged_host
from provision.hosts.connection import Connection
from provision.hosts.facts import SERVING, HostFacts, OperationFacts
from provision.hosts.providers import boot, connect
from provision.looking import Seen, awaited, hosts_of, look, running_release, select
from provision.operations import dispatch
from provision.operations.adopting import send_export
from provision.plan import Action, Plan, plan_of
from provision.preflight.machine import unfit
from provision.releases.build import ensure_artifact
from provision.releases.ship import ship
from provision.report import Report
from provision.staging import stage_pod

Part = TypeVar("Part")
PARALLEL = 8


@dataclass(frozen=True)
class Done:
    """What a run did: the plan it followed and, if it flew any, the canaries' flights."""

    plan: Plan
    flights: tuple[Flight, ...] = ()


@dataclass(frozen=True)
class Run:
    """What every wave of one run works with."""

    fleet: Fleet
    vault: Vault
    report: Report
    seen: Mapping[str, Seen]
    # The export that a pod is launched from, by the pod's name.
    sources: Mapping[str, Path] = field(default_factory=dict)
    # Whether pods that a final export closed shall open again.
    reopen: bool = False

    def host(self, name: str) -> tuple[Host, Connection, HostFacts]:
        """A host that has been reached, its connection and what it said of itself."""
        seen = self.seen[name]
        if seen.connection is None or seen.facts is None:
            raise seen.error or RuntimeError(f"host {name} has neither facts nor an error")
        return seen.host, seen.connection, seen.facts


def up(
    fleet: Fleet,
    report: Report,
    *,
    pods: Sequence[str] = (),
    hosts: Sequence[str] = (),
    dry_run: bool = False,
    deep: bool = False,
    actions: Sequence[Action] = (Action.LAUNCH, Action.CONFIGURE, Action.FINISH),
    sources: Mapping[str, Path] | None = None,
    reopen: bool = False,
) -> Done:
    """Do what the fleet file asks for: nothing where it is so already, the canary at the end.

    `actions` narrows what may be done to pods: the verbs launch and configure are `up` with one.
    `sources` names the export that a pod is launched from; `reopen` configures also what a final
    export closed.
    """
    chosen = select(fleet, pods, hosts)
    wanted = hosts_of(fleet, chosen, hosts)
    fleet = fleet if dry_run else boot(fleet, report)
    seen = look(fleet, wanted, report)
    plan = plan_of(fleet, chosen, seen, deep=deep or reopen)
    if dry_run or plan.has_nothing_to_do:
        return Done(plan)
    for line in plan.lines():
        report.line(line)
    run = Run(fleet, open_vault(fleet), report, seen, sources or {}, reopen)
    _refuse_unfit(run, plan)
    if under_way := list(awaited(chosen, seen)):
        _each(run, under_way, lambda one: _await(run, *one))
        run = replace(run, seen=_look_again(run))
        plan = plan_of(fleet, chosen, run.seen, deep=deep or reopen)
        for line in plan.lines():
            report.line(line)
    touched = [part for part in plan.pods if part.action in actions]
    run = _prepare(run, plan, touched_pods(fleet, touched, Action.LAUNCH))
    _operate(run, touched)
    flights = _prove(run, touched, deep=deep)
    _watch(run, touched)
    return Done(plan, flights)


def touched_pods(fleet: Fleet, parts: Iterable[Any], action: Action) -> list[Pod]:
    """The pods that a plan's parts do `action` to."""
    return [fleet.pods[part.name] for part in parts if part.action is action]


def _refuse_unfit(run: Run, plan: Plan) -> None:
    """Before anything is touched anywhere: every host answers, and can carry what it shall."""
    if errors := [one.error for one in run.seen.values() if one.error]:
        raise Refusals(errors)
    launching = {part.host for part in plan.pods if part.action is Action.LAUNCH}
    unfit_hosts: list[PodfleetError] = []
    for name in run.seen:
        host, _, facts = run.host(name)
        is_new = facts.platform is None or name in launching
        unfit_hosts += unfit(host, facts, is_new=is_new)
    if unfit_hosts:
        raise Refusals(unfit_hosts)


def _await(run: Run, pod: Pod, operation: OperationFacts) -> None:
    """Wait for what another run began, and keep what it left: nobody else may."""
    _, connection, _ = run.host(pod.host)
    run.report.line(f"pod {pod.name}: waits for {operation}")
    with run.report.step(f"{operation.operation} that was under way", f"pod {pod.name}"):
        dispatch.follow(connection, pod.name, operation.id, run.report)


def _prepare(run: Run, plan: Plan, launching: Sequence[Pod]) -> Run:
    """Roles and builds, side by side: the one waits for the hosts, the other for this machine."""
    run.vault.ensure_fleet()
    run.vault.ensure_watching(run.fleet)
    hosts = [part.name for part in plan.hosts if part.action is Action.CONVERGE]
    with ThreadPoolExecutor(max_workers=1) as builder:
        builds = builder.submit(_build, run, launching)
        _each(run, hosts, lambda name: _converge(run, name))
        builds.result()
    if not hosts:
        return run
    standing = _standing_on(run, hosts, plan)
    run = replace(run, seen=_look_again(run))
    _each(run, standing, lambda pod: _gate(run, pod))
    return run


def _standing_on(run: Run, hosts: Sequence[str], plan: Plan) -> list[Pod]:
    """The pods that served before the platform changed beneath them, and that nothing else will
    be done to: whatever is done to a pod ends with gates of its own."""
    busy = {part.name for part in plan.pods if part.action is not Action.NOTHING}
    return [
        pod
        for name in hosts
        for pod in run.fleet.pods_on(name)
        if pod.name not in busy and _serves(run, pod)
    ]


def _serves(run: Run, pod: Pod) -> bool:
    facts = run.host(pod.host)[2].pods.get(pod.name)
    return facts is not None and facts.state == SERVING


def _gate(run: Run, pod: Pod) -> None:
    """A changed platform goes through the gate of health as changed code does."""
    _, connection, _ = run.host(pod.host)
    with run.report.step("still well on the changed platform", f"pod {pod.name}"):
        dispatch.gate(connection, pod.name)


def _look_again(run: Run) -> dict[str, Seen]:
    """A platform run changes what a host says of itself: its Python, its pods' drift."""
    return look(run.fleet, run.seen, run.report)


def _converge(run: Run, name: str, roles: Sequence[str] = ROLES) -> None:
    host, connection, facts = run.host(name)
    with _scratch() as directory, run.report.step("platform", f"host {name}"):
        staged = staged_host(run.fleet, host, facts, run.vault, Path(directory))
        converge(run.fleet, host, connection, staged, run.report, roles=roles)


def _build(run: Run, pods: Sequence[Pod]) -> None:
    """Make every artifact that a launch will need; one that is in the store costs nothing."""
    for pod in pods:
        _, _, facts = run.host(pod.host)
        ensure_artifact(pod, run.vault, run.report, architecture=facts.architecture)


def _operate(run: Run, parts: Sequence[Any]) -> None:
    verbs = {Action.LAUNCH: _launch, Action.CONFIGURE: _configure, Action.FINISH: _finish}
    _each(run, parts, lambda part: verbs[part.action](run, run.fleet.pods[part.name]))


def _launch(run: Run, pod: Pod) -> None:
    _, connection, facts = run.host(pod.host)
    run.vault.ensure_pod(pod)
    artifact = ensure_artifact(pod, run.vault, run.report, architecture=facts.architecture)
    with run.report.step("ship the artifact", f"pod {pod.name}"):
        ship(artifact, connection)
    _run_operation(run, pod, "launch", artifact.release_id, _sent(run, pod))
    # Another one of this name may have been launched before, and retired: its tokens are no more.
    keep_canary(run.vault, connection, pod)
    record_launched(run.fleet, pod)


def _configure(run: Run, pod: Pod) -> None:
    _, _, facts = run.host(pod.host)
    release_id = running_release(facts.pods.get(pod.name))
    if release_id is None:
        raise Refusal(
            f"pod {pod.name}", "it is not launched", f"Run podfleet launch --pod {pod.name}."
        )
    _run_operation(run, pod, "configure", release_id, {"reopen": True} if run.reopen else {})
    _finish(run, pod)


def _finish(run: Run, pod: Pod) -> None:
    """Keep what a launch left on the host, if it ended while nobody followed it."""
    _, connection, _ = run.host(pod.host)
    if run.vault.get(f"pods.{pod.name}.canary") is None:
        keep_canary(run.vault, connection, pod)
    record_launched(run.fleet, pod)


def _sent(run: Run, pod: Pod) -> dict[str, Any]:
    """The parameters of a launch, once the export that it is made from lies on the host."""
    if pod.name not in run.sources:
        return {}
    _, connection, _ = run.host(pod.host)
    with run.report.step("send the export", f"pod {pod.name}"):
        send_export(connection, pod.name, run.sources[pod.name])
    return {"from_export": True}


def _run_operation(
    run: Run, pod: Pod, operation: str, release_id: str, parameters: Mapping[str, Any]
) -> None:
    _, connection, _ = run.host(pod.host)
    with _scratch() as directory, run.report.step(operation, f"pod {pod.name}"):
        staged = stage_pod(run.fleet, pod, release_id, run.vault, Path(directory), for_gate=True)
        started = dispatch.start(connection, run.fleet, pod, operation, staged, parameters)
        dispatch.follow(connection, pod.name, started, run.report)


def keep_canary(vault: Vault, connection: Connection, pod: Pod) -> None:
    """The tokens that a launch made on the host, kept where the fleet's canaries find them."""
    vault.set(f"pods.{pod.name}.canary", dispatch.fetch_canary_token(connection, pod.name))


def _prove(run: Run, parts: Sequence[Any], *, deep: bool) -> tuple[Flight, ...]:
    """Pods that are new meet their partners; then a canary flies between all pairs."""
    if not parts:
        return ()
    if deep or any(part.action in (Action.LAUNCH, Action.FINISH) for part in parts):
        introduce_pods(run.fleet, run.vault, _partners_hosts(run), run.report)
    return prove_federation(run.fleet, run.vault, run.report)


def _watch(run: Run, parts: Sequence[Any]) -> None:
    """The canaries' tokens of pods that are new go to the host that watches: it flies them, too."""
    watching = run.fleet.monitoring
    is_new = any(part.action in (Action.LAUNCH, Action.FINISH) for part in parts)
    if watching and is_new and watching.host in run.seen:
        _converge(run, watching.host, ("runtime", "monitor", "stamp"))


def _partners_hosts(run: Run) -> dict[str, Connection]:
    """The hosts of all pods that may be introduced: more than those this run has to do with."""
    hosts = {run.fleet.pods[name].host for name in launched_pods(run.fleet, run.vault)}
    return {
        name: run.host(name)[1]
        if name in run.seen
        else connect(run.fleet, run.fleet.hosts[name], run.report)
        for name in sorted(hosts)
    }


def _each(run: Run, parts: Iterable[Part], work: Callable[[Part], None]) -> None:
    """Do the work for all parts at once, wait for all, and raise every error there was."""
    with ThreadPoolExecutor(max_workers=PARALLEL) as threads:
        tasks = [threads.submit(work, part) for part in parts]
        try:
            errors = [error for task in tasks if (error := task.exception())]
        except KeyboardInterrupt:
            _let_go(run, tasks)
            raise
    ours = [error for error in errors if not isinstance(error, PodfleetError)]
    if ours:
        raise ours[0]
    if refused := [error for error in errors if isinstance(error, PodfleetError)]:
        raise refused[0] if len(refused) == 1 else Refusals(refused)


def _let_go(run: Run, tasks: Iterable[Future[None]]) -> None:
    """Whoever waits for a host is released at once; what was begun there goes on."""
    for task in tasks:
        task.cancel()
    for seen in run.seen.values():
        if seen.connection:
            seen.connection.close()


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A private directory for a stage, gone afterwards: it holds secrets."""
    return tempfile.TemporaryDirectory(prefix="podfleet-")
