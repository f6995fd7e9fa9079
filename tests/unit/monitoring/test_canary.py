"""The canary between small pods: what it finds, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from monitoring.canary.api import CanaryApi
from monitoring.canary.flights import Flight, Patience, pairs_to_json
from monitoring.canary.flying import fly_between_all, fly_from
from monitoring.canary.pods import TEXT, CanaryPod, Token
from monitoring.canary.sweeping import sweep
from monitoring.reasons import Reason
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.network import SmallPod, introduce, serving

# Long enough for a busy machine: what arrives ends the waiting.
PATIENCE = Patience(late_after=20, lost_after=30, retraction=30, first_poll=0.02)
SOON_LATE = replace(PATIENCE, late_after=0.3)
# For what never comes.
HASTY = replace(PATIENCE, lost_after=0.8)
SOON_STUCK = replace(PATIENCE, retraction=0.8)


@contextlib.asynccontextmanager
async def network(authority: Authority, *pods: SmallPod) -> AsyncIterator[list[CanaryPod]]:
    introduce(*pods)
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(serving(pod, authority)) for pod in pods]


async def test_all_pairs_fly_and_nothing_stays(authority: Authority) -> None:
    pods = [SmallPod(name) for name in ("alpha", "beta", "gamma")]
    async with network(authority, *pods) as ends:
        flights = await fly_between_all(ends, PATIENCE)
    assert [(f.sender, f.receiver, f.state, f.reason) for f in flights] == [
        (a.name, b.name, "ok", None) for a in pods for b in pods if a is not b
    ]
    assert all(f.arrival_seconds is not None and f.retraction_seconds is not None for f in flights)
    assert not any(pod.posts or pod.copies for pod in pods)
    # One post a sender, however many receive it.
    assert [pod.seen.count("POST /api/v1/posts") for pod in pods] == [1, 1, 1]


async def one_flight(
    authority: Authority, alpha: SmallPod, beta: SmallPod, patience: Patience
) -> Flight:
    async with network(authority, alpha, beta) as (sender, receiver):
        (flight,) = await fly_from(sender, [receiver], patience)
    return flight


@dataclass(frozen=True)
class Trouble:
    state: str
    reason: Reason
    patience: Patience
    sender: dict[str, Any] = field(default_factory=dict)
    receiver: dict[str, Any] = field(default_factory=dict)


TROUBLES = {
    "late": Trouble("late", Reason.LATE, SOON_LATE, {"lag_seconds": 0.5}),
    "never delivered": Trouble("lost", Reason.NOT_ARRIVED, HASTY, {"delivers": False}),
    "token rejected": Trouble("unknown", Reason.TOKEN_REJECTED, PATIENCE, {"accepts_token": False}),
    "receiver broken": Trouble("unknown", Reason.SERVER_ERROR, HASTY, {}, {"fetch_status": 502}),
    "receiver odd": Trouble("unknown", Reason.UNEXPECTED_STATUS, HASTY, {}, {"fetch_status": 429}),
    "retraction lost": Trouble("ok", Reason.RETRACTION_STUCK, SOON_STUCK, {"retracts": False}),
    "retraction refused": Trouble("ok", Reason.RETRACTION_REJECTED, PATIENCE, {"deletes": False}),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
async def test_trouble_has_a_state_and_a_reason(trouble: Trouble, authority: Authority) -> None:
    sender, receiver = SmallPod("alpha", **trouble.sender), SmallPod("beta", **trouble.receiver)
    flight = await one_flight(authority, sender, receiver, trouble.patience)
    assert (flight.state, flight.reason) == (trouble.state, trouble.reason)
    assert bool(sender.posts) is not sender.deletes


async def test_receiver_that_is_down_is_unknown_not_lost(authority: Authority) -> None:
    alpha = SmallPod("alpha")
    async with network(authority, alpha, SmallPod("beta")) as (sender, receiver):
        down = replace(receiver, url="https://beta.lab.test:1")
        (flight,) = await fly_from(sender, [down], HASTY)
    assert (flight.state, flight.reason) == ("unknown", Reason.REFUSED)
    assert not alpha.posts


async def test_who_is_silent_is_given_up_before_a_lost_post_is(authority: Authority) -> None:
    patience = replace(PATIENCE, lost_after=60, silent_after=0.2)
    async with network(authority, SmallPod("alpha"), SmallPod("beta")) as (sender, receiver):
        down = replace(receiver, url="https://beta.lab.test:1")
        began = time.monotonic()
        (flight,) = await fly_from(sender, [down], patience)
    assert (flight.state, flight.reason) == ("unknown", Reason.REFUSED)
    assert time.monotonic() - began < 10


async def test_interrupted_canary_takes_its_post_back(authority: Authority) -> None:
    alpha, beta = SmallPod("alpha", delivers=False), SmallPod("beta")
    async with network(authority, alpha, beta) as (sender, receiver):
        flying = asyncio.create_task(fly_from(sender, [receiver], PATIENCE))
        while not alpha.posts:
            await asyncio.sleep(0.01)
        flying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flying
    assert not alpha.posts
    assert any(seen.startswith("DELETE") for seen in alpha.seen)


async def test_interrupted_while_posting_it_still_takes_the_post_back(authority: Authority) -> None:
    alpha, beta = SmallPod("alpha"), SmallPod("beta")
    async with network(authority, alpha, beta) as (sender, receiver):
        flying = asyncio.create_task(fly_from(sender, [receiver], PATIENCE))
        while "GET /api/v1/streams/main" not in alpha.seen:
            await asyncio.sleep(0)
        # The sweep is over in a moment; what comes next is the post.
        await asyncio.sleep(0.001)
        flying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flying
        await asyncio.sleep(0.05)
    assert not alpha.posts


async def test_sweep_takes_back_old_leftovers_alone(authority: Authority) -> None:
    alpha = SmallPod("alpha")
    old = [alpha.make_post(TEXT, age_seconds=3600 + n) for n in range(20)]
    kept = {alpha.make_post(TEXT), alpha.make_post("a person's post", age_seconds=3600)}
    async with network(authority, alpha) as (end,):
        api = CanaryApi(end)
        assert await sweep(api, 600) == len(old)
        assert await sweep(api, 600) == 0
        api.hang_up()
    assert alpha.posts.keys() == kept


async def test_token_taken_back_early_is_renewed(authority: Authority) -> None:
    alpha, beta = SmallPod("alpha"), SmallPod("beta")
    async with network(authority, alpha, beta) as (sender, _):
        api = CanaryApi(sender)
        await api.retract(await api.post())
        alpha.access.clear()
        await api.retract(await api.post())
        api.hang_up()
    assert alpha.seen.count("POST /api/openid_connect/access_tokens") == 2


@pytest.mark.parametrize(
    "expires_in", ["soon", [], {}, None, True, -1, 1.5, pytest.param(10**350, id="huge")]
)
async def test_a_token_that_lasts_for_no_time_is_a_token(
    expires_in: Any, authority: Authority
) -> None:
    alpha, beta = SmallPod("alpha", expires_in=expires_in), SmallPod("beta")
    flight = await one_flight(authority, alpha, beta, PATIENCE)
    assert (flight.state, flight.reason) == ("ok", None)


async def test_a_pods_clock_may_have_no_zone(authority: Authority) -> None:
    alpha = SmallPod("alpha", date="Mon, 01 Jan 2035 00:00:00 -0000")
    alpha.make_post(TEXT, age_seconds=3600)
    async with network(authority, alpha) as (end,):
        api = CanaryApi(end)
        assert await sweep(api, 600) == 1
        api.hang_up()


async def test_flights_concerning_one_pod(authority: Authority) -> None:
    async with network(authority, *map(SmallPod, ("alpha", "beta", "gamma"))) as ends:
        flights = await fly_between_all(ends, PATIENCE, concerning={"beta"})
    assert [(flight.sender, flight.receiver) for flight in flights] == [
        ("alpha", "beta"),
        ("beta", "alpha"),
        ("beta", "gamma"),
        ("gamma", "beta"),
    ]


async def test_a_pod_alone_has_no_pairs(authority: Authority) -> None:
    async with network(authority, SmallPod("alpha")) as ends:
        assert await fly_between_all(ends, PATIENCE) == []


def test_promised_shape() -> None:
    flight = Flight("a", "b", "lost", "2026-01-01T00:00:00+00:00", reason=Reason.NOT_ARRIVED)
    assert pairs_to_json([flight]) == {
        "pairs": [
            {
                "from": "a",
                "to": "b",
                "state": "lost",
                "arrival_seconds": None,
                "retraction_seconds": None,
                "at": "2026-01-01T00:00:00+00:00",
                "reason": "not_arrived",
            }
        ]
    }


def test_a_token_never_shows_itself() -> None:
    token = Token.from_json(
        '{"client_id": "i", "client_secret": "s", "refresh_token": "r", "x": 1}'
    )
    assert "'" not in repr(token) and token.refresh_token == "r"


LINES = {
    "ok": (Flight("a", "b", "ok", "", 0.25, 0.1), "a -> b: ok: arrived after 0.25 s, gone 0.10 s"),
    "lost": (
        Flight("a", "b", "lost", "", reason=Reason.NOT_ARRIVED),
        "a -> b: lost: the post did not arrive in time",
    ),
    "stuck": (
        Flight("a", "b", "ok", "", 0.25, reason=Reason.RETRACTION_STUCK),
        "a -> b: ok: arrived after 0.25 s, but: the post was taken back, but its copy stayed",
    ),
}


@pytest.mark.parametrize(("flight", "line"), LINES.values(), ids=LINES.keys())
def test_flight_in_words(flight: Flight, line: str) -> None:
    assert flight.line().startswith(line)
