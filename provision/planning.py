"""The verb `plan`: what `up` would do, and what the upgrades that the fleet file names would cost.

A second call goes only to hosts with a pod whose release is not the one that the file names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from provision.errors import PodfleetError
from provision.fleet.model import Fleet
from provision.foreseeing import Foreseen, foresee
from provision.looking import Seen, hosts_of, look, select
from provision.plan import Action, Plan, PodPlan, plan_of
from provision.report import Report
from provision.targets import Target, Wish, check_targets, target_of

# Of these an upgrade has to wait, or cannot be told of.
_NOT_NOW = (Action.LAUNCH, Action.FINISH, Action.UNREACHABLE)


def make_plan(
    fleet: Fleet,
    report: Report,
    *,
    pods: Sequence[str] = (),
    hosts: Sequence[str] = (),
    deep: bool = False,
) -> Plan:
    """What `up` and `upgrade` would do for the selected pods and hosts (all of them unless
    stated)."""
    chosen = select(fleet, pods, hosts)
    seen = look(fleet, hosts_of(fleet, chosen, hosts), report)
    plan = plan_of(fleet, chosen, seen, deep=deep)
    return replace(plan, pods=tuple(_foretold(fleet, part, seen, report) for part in plan.pods))


def _foretold(fleet: Fleet, part: PodPlan, seen: Mapping[str, Seen], report: Report) -> PodPlan:
    """The pod's plan with the prediction of its upgrade, where there is one to come."""
    if part.action in _NOT_NOW:
        return part
    target = target_of(fleet.pods[part.name], seen[part.host], Wish())
    if target is None or target.running_version == target.pod.release:
        return part
    try:
        foreseen = _foreseen(fleet, target, report)
    except PodfleetError as error:
        refused = (f"the upgrade is not to be had yet: {each}" for each in error.each)
        return replace(part, notes=(*part.notes, *refused))
    notes = (*part.notes, *(f"the upgrade: {line}" for line in foreseen.more()))
    return replace(part, notes=notes, upgrade=foreseen.to_json())


def _foreseen(fleet: Fleet, target: Target, report: Report) -> Foreseen:
    check_targets(fleet, [target], Wish())
    return foresee(target, report)
