"""The gate of federation between small pods: what is red, whose fault it is, and who looked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from monitoring.canary.flights import Patience
from monitoring.canary.pods import CanaryPod
from monitoring.prober.nodeinfo import Probe
from monitoring.reasons import Reason
from provision.operations import canaries, deliveries, federating, gates
from provision.operations.deliveries import COUNTED, SHOWN, Sample
from provision.operations.gates import GateIsRed
from provision.operations.operation import Operation
from provision.operations.partners import Partners
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.network import SmallPod, introduce, serving

POD = {"name": "alpha", "domain": "alpha.lab.test", "release_id": "1.1.0.0-0123abcd"}
# What never comes is not waited for.
HASTY = Patience(late_after=20, lost_after=1.0, retraction=1.0, first_poll=0.02)
Seen = dict[str, Any]


@dataclass
class Scene:
    """What the gate finds around it; a test changes what it is about."""

    alpha: dict[str, Any] = field(default_factory=dict)
    beta: dict[str, Any] = field(default_factory=dict)
    # What alpha takes in of what beta delivers.
    receives: bool = True
    before: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    # What systemd counts, each time it is asked.
    restarts: list[int] = field(default_factory=lambda: [1])
    public_name: Probe = field(default_factory=lambda: Probe("", address="192.0.2.1"))


@pytest.fixture
def operation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operation:
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    operation = Operation("alpha", "one", {})
    operation.directory.mkdir(parents=True)
    return operation


Look = Callable[[Scene], Any]


@pytest.fixture
def look(operation: Operation, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Runs the gate in a scene: what it saw."""

    async def run(scene: Scene, seconds: float = 0.0) -> Seen:
        alpha, beta = SmallPod("alpha", **scene.alpha), SmallPod("beta", **scene.beta)
        introduce(alpha, beta)
        beta.followers = [alpha] if scene.receives else []
        async with AsyncExitStack() as stack:
            ends = [await stack.enter_async_context(serving(p, authority)) for p in (alpha, beta)]
            _surround(monkeypatch, scene, ends)
            found = await asyncio.to_thread(federating.federation, operation, seconds, POD)
        assert not (alpha.posts or beta.posts), "a canary stayed"
        return found

    return run


def _surround(monkeypatch: pytest.MonkeyPatch, scene: Scene, ends: list[CanaryPod]) -> None:
    own, other = ends
    samples = iter([Sample(1.0, dict.fromkeys((*COUNTED, SHOWN), 0))])
    last = Sample(2.0, {**dict.fromkeys((*COUNTED, SHOWN), 0), **scene.counts})

    async def probe(*_: Any, **__: Any) -> Probe:
        return scene.public_name

    counted = iter(scene.restarts)

    def restarts(_: Any) -> dict[str, int]:
        return {"web": next(counted, scene.restarts[-1])}

    monkeypatch.setattr(federating, "_restarts", restarts)
    monkeypatch.setattr(federating, "last_words", lambda _: "Out of memory")
    monkeypatch.setattr(canaries, "PATIENCE", HASTY)
    monkeypatch.setattr(federating, "ROUND_SECONDS", 0.1)
    monkeypatch.setattr(federating, "partners", lambda *_: Partners(own, (other,)))
    monkeypatch.setattr(federating, "probe_nodeinfo", probe)
    monkeypatch.setattr(federating, "_seen_before", lambda _: scene.before)
    monkeypatch.setattr(gates, "health", lambda pod: {"of": pod["release_id"]})
    monkeypatch.setattr(deliveries, "sample", lambda _: next(samples, last))


OUT, IN = "alpha -> beta", "beta -> alpha"
GREEN: dict[str, tuple[Scene, str, set[str]]] = {
    # who looked, and what was excused
    "all well": (Scene(), "partner beta", set()),
    "partner down": (Scene(beta={"is_down": True}), "alone", {"partner beta"}),
    "partner's token refused": (
        Scene(beta={"accepts_token": False}), "partner beta (outwards only)", {IN}
    ),
    "partner cannot be asked": (
        Scene(beta={"fetch_status": 500}), "partner beta (inwards only)", {OUT}
    ),
    "not reached before": (Scene(receives=False, before={"failing": [IN, OUT]}), "alone", set()),
    "not known before": (
        Scene(receives=False, before={"did_not_run": True}), "partner beta (outwards only)", {IN}
    ),
    "its public name was as broken before": (
        Scene(
            public_name=Probe("", reason=Reason.CLIENT_ERROR),
            before={"public_name": "client_error"},
        ),
        "partner beta",
        set(),
    ),
    "lost before, too": (
        Scene(receives=False, before={"failing": [IN]}), "partner beta (outwards only)", {IN}
    ),
    "its host does not reach its public name": (
        Scene(public_name=Probe("", reason=Reason.REFUSED)), "partner beta", set()
    ),
    "a few failing jobs": (Scene(counts={"failed": 99, "retry": 3}), "partner beta", set()),
}  # fmt: skip


@pytest.mark.parametrize(("scene", "looked", "excused"), GREEN.values(), ids=GREEN.keys())
async def test_green_and_who_looked(
    look: Look, scene: Scene, looked: str, excused: set[str], operation: Operation
) -> None:
    seen: Seen = await look(scene)
    assert seen["looked"] == looked
    assert set(seen.get("excused", {}).get("begin", {})) == excused
    assert seen["health"] == {"of": POD["release_id"]}
    assert not (operation.directory / federating.EVIDENCE).exists()


RED: dict[str, tuple[Scene, str]] = {
    "drops what it receives": (Scene(receives=False), f"{IN}: lost"),
    "delivers nothing": (Scene(alpha={"delivers": False}), f"{OUT}: lost"),
    "retracts nothing": (Scene(alpha={"retracts": False}), "its copy stayed"),
    "refuses its own canary": (Scene(alpha={"accepts_token": False}), "canary's token"),
    "does not say what it holds": (Scene(alpha={"fetch_status": 500}), f"{IN}: unknown"),
    "public name broken": (
        Scene(public_name=Probe("", reason=Reason.SERVER_ERROR, detail="500")), "5xx status 500"
    ),
    "jobs fail": (Scene(counts={"dead": 4, "sends_put_off": 9}), "4 dead, 9 sends put off"),
    "alone, and jobs fail": (
        Scene(beta={"is_down": True}, counts={"retry": 4}), "more background jobs fail"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("scene", "words"), RED.values(), ids=RED.keys())
async def test_red_and_why(look: Look, scene: Scene, words: str, operation: Operation) -> None:
    with pytest.raises(GateIsRed, match=words):
        await look(scene)
    kept = json.loads((operation.directory / federating.EVIDENCE).read_bytes())
    assert words in kept["red"]
    assert kept["looked"] == ("alone" if scene.beta else "partner beta")
    assert kept["canaries"]["begin"] or "partner beta" in kept["excused"]["begin"]


BEFORES: dict[str, tuple[Scene, bool, list[str] | None]] = {
    "well": (Scene(), True, []),
    "deaf": (Scene(receives=False), True, [IN]),
    "partner down": (Scene(beta={"is_down": True}), True, []),
    "not running": (Scene(), False, None),
}


@pytest.mark.parametrize(("scene", "runs", "failing"), BEFORES.values(), ids=BEFORES.keys())
async def test_how_it_was_before(
    operation: Operation,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    scene: Scene,
    runs: bool,
    failing: list[str] | None,
) -> None:
    alpha, beta = SmallPod("alpha"), SmallPod("beta", **scene.beta)
    introduce(alpha, beta)
    beta.followers = [alpha] if scene.receives else []
    async with serving(alpha, authority) as own, serving(beta, authority) as other:
        _surround(monkeypatch, scene, [own, other])
        monkeypatch.setattr(federating, "_runs", lambda _: runs)
        found = await asyncio.to_thread(federating.before, operation, POD)
    assert found.get("failing") == failing
    assert found.get("did_not_run", False) is not runs
    json.dumps(found)


async def test_a_web_that_dies_and_comes_again_is_red(look: Callable[..., Any]) -> None:
    with pytest.raises(GateIsRed, match=r"web: ended and was started again .*: Out of memory"):
        await look(Scene(restarts=[1, 1, 1, 2]), 1.0)


async def test_it_looks_again_and_again_for_the_time_that_was_set(
    operation: Operation, look: Callable[..., Any]
) -> None:
    seen: Seen = await look(Scene(), 1.0)
    assert seen["rounds"] > 3
    assert set(seen["canaries"]) == {"begin", "end"}
    assert len(seen["canaries"]["end"]) == 2
