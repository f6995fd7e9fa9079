"""Which pods an upgrade is about: what each runs, what it shall run, and what speaks against it.

Everything is checked for every pod before anything begins on any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from provision.contract import PLATFORM_LEVEL
from provision.errors import PodfleetError, Refusal, Refusals, UsageError
from provision.fleet.fields import VERSION, version_in
from provision.fleet.model import Fleet, Host, Pod
from provision.fleet.upgrades import check_upgrade
from provision.hosts.connection import Connection
from provision.hosts.facts import HostFacts, PodFacts
from provision.looking import Seen, running_release
from provision.plan import refuse_changed_domain
from provision.preflight.machine import too_new
from provision.refused import refused_before, words_of
from provision.releases.runtime import runtime_tarball
from provision.releases.store import Artifact
from provision.report import Report


@dataclass(frozen=True)
class Wish:
    """What the user asked for, beside which pods."""

    # The version to go to, instead of the one that the fleet file names.
    to: str | None = None
    rehearse: bool = False
    # Close the pod for the upgrade, instead of letting requests wait.
    maintenance: bool = False
    # Also pods that run that version already, if it was built anew.
    deep: bool = False
    accept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.to is not None and not VERSION.match(self.to):
            what = f"{self.to!r} is no version of diaspora*"
            raise UsageError("--to", what, f"Write {version_in(self.to) or 'it as 0.9.1.0'}.")


@dataclass(frozen=True)
class Target:
    """One launched pod; `pod` is as it shall be: its release is the one to go to."""

    pod: Pod
    host: Host
    connection: Connection
    host_facts: HostFacts
    facts: PodFacts
    # The id of the release that it runs.
    running: str

    @property
    def running_version(self) -> str:
        return self.running.rpartition("-")[0]


def find_targets(
    chosen: Sequence[Pod], seen: Mapping[str, Seen], report: Report, wish: Wish, *, named: bool
) -> list[Target]:
    """The launched pods that do not run what they shall.

    A pod that is not launched is left alone, unless it was `named`.
    """
    if errors := [one.error for one in seen.values() if one.error]:
        raise Refusals(errors)
    found = []
    for pod in chosen:
        target = target_of(pod, seen[pod.host], wish)
        if target is None:
            _leave(pod, report, named=named)
        elif wish.deep or target.running_version != target.pod.release:
            found.append(target)
    return found


def target_of(pod: Pod, seen: Seen, wish: Wish) -> Target | None:
    """The pod as it shall be, on a host that answered; None where it is not launched."""
    assert seen.connection is not None and seen.facts is not None
    facts = seen.facts.pods.get(pod.name)
    running = running_release(facts)
    if facts is None or running is None:
        return None
    meant = pod.model_copy(update={"release": wish.to}) if wish.to else pod
    return Target(meant, seen.host, seen.connection, seen.facts, facts, running)


def _leave(pod: Pod, report: Report, *, named: bool) -> None:
    what, do = "it is not launched", f"Run podfleet launch --pod {pod.name}."
    if named:
        raise Refusal(f"pod {pod.name}", what, do)
    report.line(f"pod {pod.name}: {what}")


def check_targets(fleet: Fleet, targets: Iterable[Target], wish: Wish) -> None:
    """Raises all that speaks against any of the upgrades, at once."""
    errors: list[PodfleetError] = []
    for target in targets:
        for check in (_domain, _tag, _platform, _catalogue):
            try:
                check(fleet, target, wish)
            except PodfleetError as error:
                errors += error.each
    if errors:
        # What is wrong with an option is wrong for every pod.
        raise Refusals(list({str(error): error for error in errors}.values()))


def _domain(fleet: Fleet, target: Target, _: Wish) -> None:
    record = target.facts.record or {}
    refuse_changed_domain(fleet, target.pod, str(record["domain"]))


def _tag(fleet: Fleet, target: Target, wish: Wish) -> None:
    """A pod whose tag is stated has no tag for another release."""
    pod = target.pod
    if wish.to and pod.source.tag and fleet.pods[pod.name].release != wish.to:
        raise UsageError(
            "--to",
            f"the fleet file names a tag of its own for pod {pod.name}, {pod.source.tag}",
            f"Write release and tag into {fleet.file}, and leave --to out.",
        )


def _platform(_: Fleet, target: Target, __: Wish) -> None:
    """The host's half of podfleet carries the operation out."""
    platform, where = target.host_facts.platform, f"host {target.host.name}"
    if platform is None:
        raise Refusal(where, "it has no platform", "Run `podfleet up` first.")
    if refusal := too_new(target.host, target.host_facts):
        raise refusal
    if platform.level < PLATFORM_LEVEL:
        what = f"its platform has level {platform.level}, and this podfleet needs {PLATFORM_LEVEL}"
        raise Refusal(where, what, "Run `podfleet up` first.")


def warn_of_runtimes(targets: Iterable[Target], report: Report) -> None:
    """The operation is carried out by podfleet as it lies on the host."""
    hosts = {target.host.name: target.host_facts for target in targets}
    for name, facts in hosts.items():
        runtime = runtime_tarball(facts.python, facts.architecture)
        if facts.platform and facts.platform.runtime != runtime.version:
            do = "run `podfleet up` to bring this one"
            report.warn(f"host {name}: another podfleet's runtime is on it; {do}")


def _catalogue(fleet: Fleet, target: Target, wish: Wish) -> None:
    pod = target.pod
    check_upgrade(fleet, pod, target.running_version, pod.release, wish.accept)


def warn_of_refused(
    targets: Iterable[Target], artifacts: Mapping[str, Artifact], report: Report
) -> None:
    """Says which release a red gate refused on that very pod before; it is tried all the same."""
    for target in targets:
        release_id = artifacts[target.pod.name].release_id
        if told := refused_before(target.facts.refused, release_id):
            report.warn(f"pod {target.pod.name}: {words_of(told)}; it is tried once more")
