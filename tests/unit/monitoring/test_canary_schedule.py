"""The canary's timetable between small pods: when it flies, what it keeps, what it says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitoring.board import Board
from monitoring.canary import schedule
from monitoring.canary.flights import Flight, Patience
from monitoring.canary.pods import TEXT, CanaryPod
from monitoring.canary.records import HISTORY, Records
from monitoring.canary.tokens import NoTokens, TokenFile
from monitoring.reasons import Reason
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.network import SmallPod
from tests.unit.monitoring.test_canary import network

PATIENCE = replace(schedule.PATIENCE, late_after=20, lost_after=30, retraction=30, first_poll=0.02)
HASTY = replace(PATIENCE, lost_after=0.6, retraction=0.6)
PAIR = 'sender="alpha",receiver="beta"'


@pytest.fixture(autouse=True)
def _no_pause_for_politeness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round of the tests' would be followed by a rest of ten seconds; one test looks at it."""
    monkeypatch.setattr(schedule, "REQUESTS_A_SECOND", 1000)


class Flying:
    """A schedule that runs, and what it says."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.board, self.wake = Board(), asyncio.Event()

    def said(self, line: str) -> float | None:
        for each in self.board.text().decode().splitlines():
            if each.startswith(f"podfleet_{line} "):
                return float(each.rpartition(" ")[2])
        return None

    async def until(self, line: str, value: float, seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            while self.said(line) != value:
                await asyncio.sleep(0.02)

    def left(self) -> Any:
        return json.loads((self.state / "canary.json").read_text())

    async def until_left(self) -> None:
        async with asyncio.timeout(15):
            while not (self.state / "canary.json").exists():
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def flying(
    pods: Callable[[], Sequence[CanaryPod]],
    state: Path,
    *,
    seconds: float = 30.0,
    least_seconds: float = 0.2,
    patience: Patience = PATIENCE,
    logs: dict[str, Path] | None = None,
) -> AsyncIterator[Flying]:
    found = Flying(state)
    task = asyncio.create_task(
        schedule.run(
            pods,
            found.board,
            seconds=seconds,
            state=state,
            wake=found.wake,
            logs=logs,
            patience=patience,
            least_seconds=least_seconds,
        )
    )
    try:
        yield found
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def flying_between(
    authority: Authority, state: Path, *pods: SmallPod, **how: Any
) -> AsyncIterator[Flying]:
    async with network(authority, *pods) as ends, flying(lambda: ends, state, **how) as found:
        yield found


async def test_a_round_is_told_in_numbers_and_left_for_people(
    authority: Authority, tmp_path: Path
) -> None:
    pods = [SmallPod(name) for name in ("alpha", "beta", "gamma")]
    async with flying_between(authority, tmp_path, *pods) as found:
        await found.until_left()
        for state, value in (("ok", 1), ("late", 0), ("lost", 0), ("unknown", 0)):
            assert found.said(f'canary_state{{{PAIR},state="{state}"}}') == value
            assert found.said(f'canary_flights_total{{{PAIR},state="{state}"}}') == value
        assert found.said(f"canary_retraction_stuck{{{PAIR}}}") == 0
        assert found.said(f'canary_arrival_duration_seconds_bucket{{{PAIR},le="+Inf"}}') == 1
        assert found.said(f'canary_stage_seconds{{{PAIR},stage="post"}}') is not None
        assert found.said(f'canary_stage_seconds{{{PAIR},stage="delivery"}}') is None
        assert found.said('source_up{source="canary",pod=""}') == 1
        assert time.time() - (found.said(f"canary_timestamp_seconds{{{PAIR}}}") or 0) < 60
        left = found.left()
    assert [(pair["from"], pair["to"], pair["state"]) for pair in left["pairs"]] == [
        (a.name, b.name, "ok") for a in pods for b in pods if a is not b
    ]
    assert left["pairs"][0].keys() == Flight("a", "b", "ok", "").to_json().keys()
    assert left["interval_seconds"] == 30 and time.time() - left["at"] < 60
    assert [len(pair["flights"]) for pair in left["history"]] == [1] * 6


async def test_one_token_serves_all_rounds(authority: Authority, tmp_path: Path) -> None:
    alpha, beta = SmallPod("alpha"), SmallPod("beta")
    async with flying_between(authority, tmp_path, alpha, beta, seconds=0.3) as found:
        async with asyncio.timeout(20):
            while (found.said(f'canary_flights_total{{{PAIR},state="ok"}}') or 0) < 3:
                await asyncio.sleep(0.05)
    assert alpha.seen.count("POST /api/openid_connect/access_tokens") == 1
    # Leftovers are looked for when it begins, not with each post.
    assert alpha.seen.count("GET /api/v1/streams/main") == 1
    assert alpha.seen.count("POST /api/v1/posts") >= 3


async def test_leftovers_are_swept_when_it_begins(authority: Authority, tmp_path: Path) -> None:
    alpha = SmallPod("alpha")
    left = alpha.make_post(TEXT, age_seconds=3600)
    async with flying_between(authority, tmp_path, alpha, SmallPod("beta")) as found:
        await found.until(f'canary_state{{{PAIR},state="ok"}}', 1)
        assert left not in alpha.posts


async def test_a_red_probe_wakes_it_but_not_too_often(authority: Authority, tmp_path: Path) -> None:
    alpha = SmallPod("alpha")
    async with flying_between(
        authority, tmp_path, alpha, SmallPod("beta"), least_seconds=1.5
    ) as found:
        await found.until_left()
        began = time.monotonic()
        for _ in range(10):
            found.wake.set()
            await asyncio.sleep(0.05)
        assert alpha.seen.count("POST /api/v1/posts") == 1
        await found.until(f'canary_flights_total{{{PAIR},state="ok"}}', 2)
        assert 0.5 < time.monotonic() - began < 10
        await asyncio.sleep(1.7)
    # All ten knocks were one.
    assert alpha.seen.count("POST /api/v1/posts") == 2


async def test_ended_in_the_middle_it_takes_all_posts_back(
    authority: Authority, tmp_path: Path
) -> None:
    pods = [SmallPod(name, delivers=False) for name in ("alpha", "beta", "gamma")]
    async with flying_between(authority, tmp_path, *pods):
        async with asyncio.timeout(15):
            while not all(pod.posts for pod in pods):
                await asyncio.sleep(0.01)
    assert not any(pod.posts for pod in pods)


async def test_what_cannot_be_measured_is_unknown_and_the_others_stay_well(
    authority: Authority, tmp_path: Path
) -> None:
    alpha, beta, gamma = SmallPod("alpha"), SmallPod("beta", is_down=True), SmallPod("gamma")
    async with flying_between(authority, tmp_path, alpha, beta, gamma, patience=HASTY) as found:
        await found.until_left()
        states = {(p["from"], p["to"]): (p["state"], p["reason"]) for p in found.left()["pairs"]}
        told = found.said(f'canary_reason{{{PAIR},reason="server_error"}}')
    unknown = ("unknown", "server_error")
    assert states.pop(("alpha", "gamma")) == states.pop(("gamma", "alpha")) == ("ok", None)
    assert set(states.values()) == {unknown} and len(states) == 4
    assert told == 1


async def test_a_pod_without_a_token_only_receives(authority: Authority, tmp_path: Path) -> None:
    alpha, beta = SmallPod("alpha"), SmallPod("beta")
    async with network(authority, alpha, beta) as (sender, receiver):
        pods = [sender, replace(receiver, token=None)]
        async with flying(lambda: pods, tmp_path) as found:
            await found.until_left()
            assert [(each["from"], each["state"]) for each in found.left()["pairs"]] == [
                ("alpha", "ok")
            ]
    assert "POST /api/v1/posts" not in beta.seen


async def test_lost_and_stuck_are_told(authority: Authority, tmp_path: Path) -> None:
    alpha, beta = SmallPod("alpha", delivers=False), SmallPod("beta", retracts=False)
    async with flying_between(authority, tmp_path, alpha, beta, patience=HASTY) as found:
        await found.until_left()
        assert found.said(f'canary_state{{{PAIR},state="lost"}}') == 1
        assert found.said(f"canary_arrival_seconds{{{PAIR}}}") is None
        assert found.said(f"canary_retraction_stuck{{{PAIR}}}") is None
        back = 'sender="beta",receiver="alpha"'
        assert found.said(f'canary_state{{{back},state="ok"}}') == 1
        assert found.said(f"canary_retraction_stuck{{{back}}}") == 1


async def test_a_pair_vanishes_with_its_pod(authority: Authority, tmp_path: Path) -> None:
    pods = map(SmallPod, ("alpha", "beta", "gamma"))
    async with (
        network(authority, *pods) as ends,
        flying(lambda: ends, tmp_path, seconds=0.3) as found,
    ):
        await found.until_left()
        assert b"gamma" in found.board.text()
        ends.pop()
        async with asyncio.timeout(20):
            while b"gamma" in found.board.text():
                await asyncio.sleep(0.05)


def tokens(path: Path, *pods: CanaryPod) -> None:
    told = [
        {
            "name": pod.name,
            "domain": pod.url.removeprefix("https://"),
            "token": None
            if pod.token is None
            else {
                "client_id": pod.token.client_id,
                "client_secret": pod.token.client_secret,
                "refresh_token": pod.token.refresh_token,
            },
        }
        for pod in pods
    ]
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps({"pods": told}))
    aside.replace(path)


async def test_tokens_may_appear_while_it_runs(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_GLANCE_SECONDS", 0.05)
    path = tmp_path / "tokens.json"
    known = TokenFile(path)
    async with network(authority, SmallPod("alpha"), SmallPod("beta")) as ends:
        # The file has no addresses: on a host, names resolve.
        where = {end.name: end for end in ends}

        def pods() -> list[CanaryPod]:
            return [replace(pod, address="127.0.0.1", ca_file=authority.ca_file) for pod in known()]

        async with flying(pods, tmp_path) as found:
            await found.until('source_up{source="canary",pod=""}', 0)
            assert found.said(f'canary_state{{{PAIR},state="ok"}}') is None
            tokens(path, where["alpha"], where["beta"])
            await found.until(f'canary_state{{{PAIR},state="ok"}}', 1)
            assert found.said('source_up{source="canary",pod=""}') == 1
            path.unlink()
            await found.until('source_up{source="canary",pod=""}', 0)
            assert b"canary_state{" not in found.board.text()


def test_token_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "canary.json"
    known = TokenFile(path, ca_file="/ca.pem", contact="admin@example.org")
    with pytest.raises(NoTokens, match="No such file"):
        known()
    tokens(path, CanaryPod("alpha", "https://alpha.example.org"))
    (alpha,) = known()
    assert (alpha.domain, alpha.token, alpha.ca_file) == ("alpha.example.org", None, "/ca.pem")
    assert known()[0] is alpha
    tokens(path, CanaryPod("alpha", "https://alpha.example.org"), CanaryPod("b", "https://b.org"))
    assert len(known()) == 2
    path.write_text('{"pods": [{"name": "secret"')
    with pytest.raises(NoTokens) as caught:
        known()
    assert "secret" not in str(caught.value)


async def test_a_clock_that_is_wrong_changes_nothing(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both pods' clocks are wrong, each its own way, and ours jumps while posts fly."""
    alpha, beta = SmallPod("alpha", clock_ahead=86400.0), SmallPod("beta", clock_ahead=-7200.0)
    left = alpha.make_post(TEXT, age_seconds=3600)
    jumps = iter(range(0, 10**9, 3600))
    true_time = time.time
    monkeypatch.setattr(time, "time", lambda: true_time() - next(jumps))
    async with flying_between(authority, tmp_path, alpha, beta) as found:
        await found.until_left()
        left_word = found.left()
    assert [(p["state"], p["reason"]) for p in left_word["pairs"]] == [("ok", None)] * 2
    assert all(0 <= p["arrival_seconds"] < 20 for p in left_word["pairs"])
    assert all(0 <= p["retraction_seconds"] < 20 for p in left_word["pairs"])
    assert left not in alpha.posts and not alpha.posts


async def test_the_senders_log_splits_the_way(authority: Authority, tmp_path: Path) -> None:
    log = tmp_path / "production.log"
    log.write_text("what was before\n")
    alpha = SmallPod("alpha", lag_seconds=0.6, log=log, delivery_seconds=0.2)
    async with flying_between(
        authority, tmp_path, alpha, SmallPod("beta"), logs={"alpha": log}
    ) as found:
        await found.until_left()
        stages = {
            stage: found.said(f'canary_stage_seconds{{{PAIR},stage="{stage}"}}')
            for stage in ("post", "delivery", "receipt")
        }
        arrival = found.said(f"canary_arrival_seconds{{{PAIR}}}")
    assert None not in stages.values() and arrival is not None
    assert 0.15 < (stages["delivery"] or 0) < (arrival or 0)
    assert (stages["delivery"] or 0) + (stages["receipt"] or 0) == pytest.approx(arrival)


async def test_rounds_that_ask_much_come_further_apart(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests a second stay below what is allowed, with posts that never arrive."""
    monkeypatch.setattr(schedule, "REQUESTS_A_SECOND", 10)
    pods = [SmallPod(name, delivers=False) for name in ("alpha", "beta", "gamma", "delta")]
    patience = replace(schedule.PATIENCE, lost_after=1.0)
    began = time.monotonic()
    async with flying_between(authority, tmp_path, *pods, seconds=0.1, patience=patience) as found:
        async with asyncio.timeout(60):
            while (found.said(f'canary_flights_total{{{PAIR},state="lost"}}') or 0) < 2:
                await asyncio.sleep(0.02)
        asked, spent = [len(pod.seen) for pod in pods], time.monotonic() - began
    # The second round is still to be paid for.
    assert max(asked) / 2 / spent < 10, (asked, spent)
    assert found.left()["interval_seconds"] > 1


def flight(state: Any, **kw: Any) -> Flight:
    return Flight("alpha", "beta", state, "2026-01-01T00:00:00+00:00", **kw)


def test_history_is_bounded_and_outlives_the_monitor() -> None:
    records = Records()
    records.learn(flight("ok", arrival_seconds=0.3, retraction_seconds=0.1) for _ in range(60))
    records.learn([flight("lost", reason=Reason.NOT_ARRIVED)])
    told = json.loads(json.dumps(records.to_json()))
    after = Records()
    after.restore(told)
    assert after.to_json() == told
    assert len(told["history"][0]["flights"]) == HISTORY
    # What an earlier monitor saw is for the picture; numbers are of this one alone.
    assert list(after.samples()) == []


@pytest.mark.parametrize(
    "told",
    [None, [], {"format": 2}, {"format": 1}, {"format": 1, "history": [{"from": "a", "to": "b"}]}],
)
def test_history_that_cannot_be_read_is_none(told: Any) -> None:
    records = Records()
    records.restore(told)
    assert records.to_json()["history"] == []
