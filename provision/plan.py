"""What would change, and why: the comparison of the fleet file with what its hosts say.

A plan only reads: one call a host. Digests are compared first; only where they differ does it
look closer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from provision import contract
from provision.converge.effects import effects as platform_effects
from provision.errors import Refusal
from provision.fleet.model import Fleet, Host, Pod
from provision.fleet.secrets import Vault, open_vault
from provision.hosting import staged_host
from provision.hosts.facts import HostFacts, PodFacts
from provision.looking import Seen, running_release
from provision.naming import foreign_settings
from provision.operations.effects import Effect, effects
from provision.preflight.machine import too_new
from provision.refused import version_refused, words_of
from provision.staging import stage_pod

LEFT_BY_A_LAUNCH = "it was launched while nobody followed: its canary's tokens are not kept yet"


class Action(StrEnum):
    """What podfleet would do to a host or a pod."""

    NOTHING = "nothing"
    CONVERGE = "converge"  # run the roles
    LAUNCH = "launch"
    CONFIGURE = "configure"
    FINISH = "finish"  # wait for an operation under way, or keep what a launch left on the host
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class HostPlan:
    """What a host needs before its pods."""

    name: str
    action: Action
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class PodPlan:
    """What a pod needs; `effects` say what restarts, and why."""

    name: str
    host: str
    action: Action
    release: str
    reasons: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    # What is not done, though the fleet file asks for it, and the verb that does it.
    notes: tuple[str, ...] = ()
    # What the upgrade that the fleet file asks for would do and cost, as `upgrade --dry-run --json`
    # says it; None where there is none, or it cannot be told.
    upgrade: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Plan:
    """What `up` would do now."""

    hosts: tuple[HostPlan, ...]
    pods: tuple[PodPlan, ...]

    @property
    def parts(self) -> tuple[HostPlan | PodPlan, ...]:
        return (*self.hosts, *self.pods)

    @property
    def has_nothing_to_do(self) -> bool:
        return all(part.action is Action.NOTHING for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """`plan --json`: {"nothing_to_do", "hosts": […], "pods": […]}, see docs/interfaces.md."""
        return {
            "nothing_to_do": self.has_nothing_to_do,
            "hosts": [asdict(host) for host in self.hosts],
            "pods": [asdict(pod) for pod in self.pods],
        }

    def lines(self) -> list[str]:
        """The plan for reading: a line a host or pod that needs something, its reasons below."""
        told = [line for part in self.parts for line in _part_lines(part)]
        return ["Nothing to do.", *told] if self.has_nothing_to_do else told


def plan_of(fleet: Fleet, chosen: Sequence[Pod], seen: Mapping[str, Seen], *, deep: bool) -> Plan:
    """The plan for pods whose hosts have been seen already."""
    vault = open_vault(fleet)
    host_plans = tuple(_plan_host(fleet, one, vault, deep=deep) for one in seen.values())
    pod_plans = tuple(_plan_pod(fleet, pod, seen[pod.host], vault, deep=deep) for pod in chosen)
    return Plan(host_plans, pod_plans)


def _plan_host(fleet: Fleet, seen: Seen, vault: Vault, *, deep: bool) -> HostPlan:
    name, facts = seen.host.name, seen.facts
    if facts is None:
        return HostPlan(name, Action.UNREACHABLE, (str(seen.error),))
    reasons = tuple(_host_reasons(fleet, seen.host, facts, vault, deep=deep))
    return HostPlan(name, Action.CONVERGE if reasons else Action.NOTHING, reasons)


def _host_reasons(
    fleet: Fleet, host: Host, facts: HostFacts, vault: Vault, *, deep: bool
) -> Iterable[str]:
    if facts.platform is None:
        yield "the host has no platform yet"
        return
    if deep:
        yield "asked for (--deep)"
    if refusal := too_new(host, facts):
        yield f"{refusal.what}: `up` refuses"
    elif facts.platform.level != contract.PLATFORM_LEVEL:
        yield f"platform level {facts.platform.level} becomes {contract.PLATFORM_LEVEL}"
    yield from map(str, facts.platform.drift)
    with tempfile.TemporaryDirectory(prefix="podfleet-") as directory:
        staged = staged_host(fleet, host, facts, vault, Path(directory))
        manifest = staged.manifest
    if staged.digest != facts.platform.digest:
        yield _why_host_differs(facts, staged.runtime.version)
        yield from platform_effects(facts.platform.files, manifest)


def _why_host_differs(facts: HostFacts, runtime: str) -> str:
    assert facts.platform is not None
    if facts.platform.runtime != runtime:
        return f"podfleet's runtime {facts.platform.runtime} becomes {runtime}"
    return "the platform's settings differ from what was applied"


def _plan_pod(fleet: Fleet, pod: Pod, seen: Seen, vault: Vault, *, deep: bool) -> PodPlan:
    if seen.facts is None:
        return PodPlan(pod.name, pod.host, Action.UNREACHABLE, pod.release, (str(seen.error),))
    facts = seen.facts.pods.get(pod.name)
    if facts and facts.operation and not facts.operation.finished:
        return PodPlan(pod.name, pod.host, Action.FINISH, pod.release, (str(facts.operation),))
    if facts is None or facts.record is None:
        return PodPlan(pod.name, pod.host, Action.LAUNCH, pod.release, _launch_reasons(facts))
    return _plan_launched(fleet, pod, facts, vault, deep=deep)


def _launch_reasons(facts: PodFacts | None) -> tuple[str, ...]:
    if facts and facts.operation:
        return (f"its last operation did not finish well: {facts.operation}",)
    return ("it is not there yet",)


def _plan_launched(fleet: Fleet, pod: Pod, facts: PodFacts, vault: Vault, *, deep: bool) -> PodPlan:
    record = facts.record or {}
    refuse_changed_domain(fleet, pod, str(record["domain"]))
    vault.need_keys(pod.name)
    if foreign := _settings_of_another(pod, str(record["release_id"])):
        return _plan_waiting(pod, facts, vault, foreign)
    staged_manifest = _staged_manifest(fleet, pod, str(record["release_id"]), vault)
    same = staged_manifest["digest"] == record["digest"]
    changed = tuple(effects(record["manifest"], staged_manifest, facts.drift))
    reasons = [str(drift) for drift in facts.drift]
    reasons += [] if same else ["the fleet file says something else than what was applied"]
    reasons += ["asked for (--deep)"] if deep else []
    left = _left_by_a_launch(pod, vault)
    needed = Action.CONFIGURE if reasons else Action.FINISH if left else Action.NOTHING
    return PodPlan(
        pod.name,
        pod.host,
        needed,
        pod.release,
        (*reasons, *left),
        changed if reasons else (),
        tuple(_release_notes(pod, facts)),
    )


def _plan_waiting(pod: Pod, facts: PodFacts, vault: Vault, foreign: Sequence[str]) -> PodPlan:
    """A pod whose settings are those of the release to come: until then nothing of them fits."""
    left = _left_by_a_launch(pod, vault)
    note = f"{', '.join(foreign)}: of {pod.release}, applied by the upgrade; nothing is until then"
    notes = (*_release_notes(pod, facts), note, *map(str, facts.drift))
    needed = Action.FINISH if left else Action.NOTHING
    return PodPlan(pod.name, pod.host, needed, pod.release, left, notes=notes)


def _left_by_a_launch(pod: Pod, vault: Vault) -> tuple[str, ...]:
    return () if vault.get(f"pods.{pod.name}.canary") else (LEFT_BY_A_LAUNCH,)


def _settings_of_another(pod: Pod, release_id: str) -> Sequence[str]:
    """Settings that the running release does not know, where the file names another one."""
    running = release_id.rpartition("-")[0]
    return [] if running == pod.release else foreign_settings(pod, running)


def _staged_manifest(fleet: Fleet, pod: Pod, release_id: str, vault: Vault) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="podfleet-") as directory:
        return stage_pod(fleet, pod, release_id, vault, Path(directory)).manifest


def refuse_changed_domain(fleet: Fleet, pod: Pod, launched_as: str) -> None:
    """The domain is in every remote pod's database: it can never change."""
    if pod.domain != launched_as:
        raise Refusal(
            f"{fleet.file}: pods.{pod.name}.domain",
            f"the pod was launched as {launched_as}, and a pod's domain can never change: "
            "every other pod knows it by that name",
            f'Write domain = "{launched_as}", or declare a new pod for {pod.domain}.',
        )


def _release_notes(pod: Pod, facts: PodFacts) -> Iterable[str]:
    running = (running_release(facts) or "").rpartition("-")[0]
    if running == pod.release:
        return
    if told := version_refused(facts.refused, pod.release):
        do = "name another release, or try it once more: podfleet upgrade"
        yield f"it runs {running}; {words_of(told)}; {do} --pod {pod.name}"
        return
    yield (
        f"it runs {running}, the fleet file names {pod.release}: `up` never changes a running "
        f"pod's release; run podfleet upgrade --pod {pod.name}"
    )


def _part_lines(part: HostPlan | PodPlan) -> Iterable[str]:
    kind = "host" if isinstance(part, HostPlan) else "pod"
    if part.action is not Action.NOTHING:
        yield f"{kind} {part.name}: {part.action}"
        yield from (f"  because {reason}" for reason in part.reasons)
    if isinstance(part, PodPlan):
        yield from (
            f"  {effect.action} {effect.unit}: {', '.join(effect.reasons)}"
            for effect in part.effects
        )
        yield from (f"pod {part.name}: note: {note}" for note in part.notes)
