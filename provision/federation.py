"""Federation between the pods of a fleet: partners are introduced, canaries fly between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from monitoring.canary.flights import Flight
from monitoring.canary.flying import fly_all
from monitoring.canary.pods import CanaryPod, Token
from provision.errors import Refusal
from provision.fleet.model import Fleet, Pod
from provision.fleet.secrets import Vault, open_vault
from provision.hosts.connection import Connection
from provision.hosts.providers import authorities
from provision.looking import select
from provision.operations import dispatch
from provision.report import Report


def launched_pods(fleet: Fleet, vault: Vault) -> list[str]:
    """The pods that have a canary: those that were launched."""
    return [name for name in fleet.pods if vault.get(f"pods.{name}.canary") is not None]


def introduce_pods(
    fleet: Fleet, vault: Vault, connections: Mapping[str, Connection], report: Report
) -> None:
    """Let every launched pod's canary follow those of its partners, both ways.

    Two first messages of a new contact race in the receiver (DIASPORA.md): each pod first follows
    the pods after it in the fleet file, and only then do the later ones follow back.
    """
    names = launched_pods(fleet, vault)
    later = {name: names[place + 1 :] for place, name in enumerate(names)}
    earlier = {name: names[:place] for place, name in enumerate(names)}
    for way in (later, earlier):
        _introduce_wave(fleet, connections, way, report)


def _introduce_wave(
    fleet: Fleet,
    connections: Mapping[str, Connection],
    way: Mapping[str, Sequence[str]],
    report: Report,
) -> None:
    def introduce(name: str) -> None:
        partners = [fleet.pods[partner].domain for partner in way[name]]
        pod = fleet.pods[name]
        if not partners:
            return
        with report.step("canary follows its partners", f"pod {name}"):
            found = dispatch.introduce(connections[pod.host], name, partners)
        for handle, outcome in found.items():
            if outcome != "followed":
                report.warn(
                    f"pod {name}: {handle}: {outcome}. Run podfleet up --deep once it answers."
                )

    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(introduce, way))


def prove_federation(
    fleet: Fleet, vault: Vault, report: Report, pods: Sequence[str] = ()
) -> tuple[Flight, ...]:
    """A post from each pod to each other one, and its retraction; refused where one is lost."""
    flights = fly_between(fleet, report, vault=vault, pods=pods)
    lost = [flight for flight in flights if flight.retraction_seconds is None]
    if lost:
        raise Refusal(
            "federation",
            "; ".join(f"{f.sender} to {f.receiver}: {f.state} ({f.reason})" for f in lost),
            "See podfleet verify for what else is red, and podfleet logs POD for its deliveries.",
        )
    return flights


def fly_between(
    fleet: Fleet, report: Report, *, vault: Vault | None = None, pods: Sequence[str] = ()
) -> tuple[Flight, ...]:
    """One canary for each ordered pair of the pods (all unless named) that have been launched.

    A pod that is named alone flies with all the others.
    """
    chosen = select(fleet, pods, ())
    vault = vault or open_vault(fleet)
    between = chosen if len(chosen) > 1 else fleet.pods.values()
    flying = [found for pod in between if (found := canary_pod(fleet, vault, pod))]
    concerning = {pod.name for pod in chosen} & {pod.name for pod in flying}
    if len(flying) < 2 or not concerning:
        report.line("A canary needs two pods that have been launched: none flew.")
        return ()
    with report.step("canary between all pairs"):
        return tuple(fly_all(flying, concerning=concerning))


def canary_pod(fleet: Fleet, vault: Vault, pod: Pod) -> CanaryPod | None:
    """The pod as a canary sees it; None while it has no token, for it has not been launched."""
    token = vault.get(f"pods.{pod.name}.canary")
    if token is None:
        return None
    host = fleet.hosts[pod.host]
    ca = authorities(fleet)
    return CanaryPod(
        name=pod.name,
        url=pod.url,
        token=Token.from_json(token),
        # The lab's names resolve on its guests alone.
        address=str(host.address) if fleet.is_lab else None,
        ca_file=str(ca) if ca else None,
    )
