"""The gate of federation: a post goes out to each partner and one comes back, for a settable time.

It looks from the pod's own host. A partner that is down, or that was not reached before either, is
no fault of the release; a pod alone has its own public name, and its jobs, to show.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from monitoring.canary.flights import Flight
from monitoring.canary.pods import CanaryPod
from monitoring.prober.limits import OWN_POD
from monitoring.prober.nodeinfo import Probe, probe_nodeinfo
from monitoring.reasons import Reason, words
from provision.contract import CA_BUNDLE
from provision.operations import canaries, deliveries, gates
from provision.operations.canaries import is_proof, way
from provision.operations.commands import last_words, unit_properties
from provision.operations.effects import unit_names
from provision.operations.gates import GateIsRed
from provision.operations.operation import Operation, need_record, state_of
from provision.operations.partners import Partners, keep, partners
from provision.writing import write_atomically

ROUND_SECONDS = 10.0
EVIDENCE = "gate.json"
# The key of a step's evidence under which `before` is found again.
BEFORE = "federation_before"
# A host that does not reach its own public name (a router that turns nothing round) is no pod's
# fault: the same name is asked at nginx itself, too.
_OF_THE_NETWORK = (
    Reason.NAME_UNRESOLVED, Reason.NAME_TIMED_OUT, Reason.REFUSED, Reason.UNREACHABLE,
    Reason.CONNECT_TIMED_OUT,
)  # fmt: skip


def before(operation: Operation, pod: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How the pod federates while nothing has changed: put it under BEFORE into a step's evidence,
    and the gate compares. Of a pod that does not run there is nothing to be told."""
    pod = pod or need_record(operation)["manifest"]["pod"]
    if not _runs(pod):
        return {"did_not_run": True}
    flights, _ = canaries.fly(partners(operation, pod))
    return {
        "failing": sorted(way(flight) for flight in flights if not is_proof(flight)),
        "public_name": _look_by_name(pod).reason,
        "deliveries": deliveries.sample(operation.places).to_json(),
    }


def long_before(told: Mapping[str, Any] | None) -> dict[str, Any]:
    """What `before` saw, for a gate of much later; how many jobs failed then says nothing now."""
    return {key: seen for key, seen in (told or {}).items() if key != "deliveries"}


def _runs(pod: Mapping[str, Any]) -> bool:
    units = unit_names(pod)
    return all(
        unit_properties(units[kind], "ActiveState").get("ActiveState") == "active"
        for kind in ("redis", "web", "sidekiq")
    )


def _look_by_name(pod: Mapping[str, Any]) -> Probe:
    """The pod as its own host finds it by its public name, not at the loopback."""
    url = f"https://{pod['domain']}"
    return asyncio.run(probe_nodeinfo(url, ca_file=str(CA_BUNDLE), limits=OWN_POD))


def federation(
    operation: Operation, seconds: float, pod: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What was seen in that time, or GateIsRed; what led there is kept in the operation's
    directory. `pod` is the table of the release that runs now, unless the stage's."""
    pod = pod or operation.staged_pod
    keep(operation)
    watch = _Watch(operation, dict(pod), partners(operation, pod), _seen_before(operation))
    try:
        watch.keep_looking(seconds)
    except GateIsRed as red:
        watch.seen["red"] = str(red)
        content = json.dumps(watch.seen, indent=1).encode()
        write_atomically(operation.directory / EVIDENCE, content, mode=0o600)
        raise
    return watch.seen


def _seen_before(operation: Operation) -> Mapping[str, Any]:
    done = state_of(operation).done.values()
    return next((step[BEFORE] for step in done if BEFORE in step), {})


@dataclass
class _Watch:
    operation: Operation
    pod: dict[str, Any]
    partners: Partners
    before: Mapping[str, Any]
    seen: dict[str, Any] = field(default_factory=dict)
    # Posts of this pod's own canary so far.
    sent: int = 0
    # How often systemd had started web and sidekiq again before.
    restarts: dict[str, int] = field(default_factory=dict)

    def keep_looking(self, seconds: float) -> None:
        began, first = time.monotonic(), deliveries.sample(self.operation.places)
        self.seen |= {"seconds": seconds, "looked": "alone", "rounds": 0}
        self.restarts = _restarts(self.pod)
        self._health()
        self._federate("begin")
        while (left := began + seconds - time.monotonic()) > 0:
            time.sleep(min(left, ROUND_SECONDS))
            self._health()
        if seconds > 0:
            self._federate("end")
        self._jobs(first)

    def _health(self) -> None:
        self.seen["health"] = gates.health(self.pod)
        self.seen["rounds"] += 1
        for unit, count in _restarts(self.pod).items():
            if count > self.restarts[unit]:
                raise GateIsRed(
                    unit,
                    f"ended and was started again while the gates looked: {last_words(unit)}",
                    f"See `journalctl -u {unit}` on the host.",
                )

    def _federate(self, moment: str) -> None:
        """Canaries where a partner can be reached; else as far as a pod alone can be seen."""
        flights, excused = canaries.fly(self._reached_before())
        self._keep(moment, flights)
        excused |= _excused_before(flights, self.before)
        failed = [f for f in flights if not is_proof(f) and way(f) not in excused]
        if failed:
            failed, more = canaries.fly_again(self.partners, failed)
            self._keep(f"{moment}, again", failed)
            excused |= more
        if excused:
            self.seen.setdefault("excused", {})[moment] = excused
        self._say_who_looked(flights, excused)
        if failed:
            raise _red(self.partners.own, failed)
        self._public_name()

    def _reached_before(self) -> Partners:
        """Whom no canary reached before, either way, is not waited for again."""
        own, failing = self.partners.own.name, set(self.before.get("failing", ()))
        reached = [
            other
            for other in self.partners.others
            if not failing.issuperset((f"{own} -> {other.name}", f"{other.name} -> {own}"))
        ]
        return replace(self.partners, others=tuple(reached))

    def _keep(self, moment: str, flights: Sequence[Flight]) -> None:
        self.seen.setdefault("canaries", {})[moment] = [flight.to_json() for flight in flights]
        self.sent += any(flight.sender == self.partners.own.name for flight in flights)

    def _say_who_looked(self, flights: Sequence[Flight], excused: Mapping[str, str]) -> None:
        own = self.partners.own.name
        ways = {way(flight) for flight in flights} - excused.keys()
        told = [
            f"partner {other.name}{_only(own, other.name, ways)}"
            for other in self.partners.others
            if ways & {f"{own} -> {other.name}", f"{other.name} -> {own}"}
        ]
        self.seen["looked"] = ", ".join(told) or "alone"

    def _public_name(self) -> None:
        """Nothing is to stand between the release and the name, unless it did before."""
        probe = _look_by_name(self.pod)
        self.seen["public_name"] = {"address": probe.address, "words": words(probe.reason)}
        is_new = probe.reason is not None and not self.before.get("public_name")
        if is_new and probe.reason not in _OF_THE_NETWORK:
            raise GateIsRed(
                f"https://{self.pod['domain']}",
                f"as its own host finds it by name: {words(probe.reason)} {probe.detail}".strip(),
                "See the web unit's and nginx's logs on the host.",
            )

    def _jobs(self, first: deliveries.Sample) -> None:
        last = deliveries.sample(self.operation.places)
        self.seen["deliveries"] = deliveries.risen(first, last)
        known = self.before.get("deliveries")
        earlier = (deliveries.Sample.from_json(known), first) if known else None
        if more := deliveries.too_many(earlier, first, last, self.sent):
            told = ", ".join(f"{count} {name}" for name, count in more.items())
            raise GateIsRed(
                f"pod {self.operation.pod}",
                f"more background jobs fail than before: {told.replace('_', ' ')}",
                "See the sidekiq unit's log on the host.",
            )


def _excused_before(flights: Iterable[Flight], before: Mapping[str, Any]) -> dict[str, str]:
    now = {way(flight) for flight in flights if not is_proof(flight)}
    if before.get("did_not_run"):
        return dict.fromkeys(sorted(now), "not known before: the pod did not run")
    known = set(before.get("failing", ()))
    return dict.fromkeys(sorted(now & known), "did not arrive before either")


def _only(own: str, other: str, ways: set[str]) -> str:
    if f"{own} -> {other}" not in ways:
        return " (inwards only)"
    return "" if f"{other} -> {own}" in ways else " (outwards only)"


def _restarts(pod: Mapping[str, Any]) -> dict[str, int]:
    """A process that dies and comes again is well at most moments: systemd counts."""
    units = unit_names(pod)
    return {
        units[kind]: int(unit_properties(units[kind], "NRestarts").get("NRestarts") or 0)
        for kind in ("web", "sidekiq")
    }


def _red(own: CanaryPod, failed: Sequence[Flight]) -> GateIsRed:
    return GateIsRed(
        f"federation of {own.domain}",
        "; ".join(flight.line() for flight in failed),
        "See the web and sidekiq units' logs on both hosts; `podfleet canary` flies again.",
    )
