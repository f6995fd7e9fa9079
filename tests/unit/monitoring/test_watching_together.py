"""The look from outside and the canary together: a pod that turns red is flown to at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitoring.board import Board
from monitoring.canary import schedule
from monitoring.outside import watching
from monitoring.outside.looking import OwnPod
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.network import SmallPod
from tests.unit.monitoring.test_canary import network

PATIENCE = replace(schedule.PATIENCE, late_after=20, lost_after=1.0, retraction=5)


@contextlib.asynccontextmanager
async def watched(authority: Authority, state: Path, *pods: SmallPod) -> AsyncIterator[Board]:
    """Looked at every 0.3 s; flown between every hour, or when woken."""
    board, wake = Board(), asyncio.Event()
    async with network(authority, *pods) as ends:
        own = [OwnPod(end.name, end.url.removeprefix("https://"), ("127.0.0.1",)) for end in ends]
        looking = watching.run(
            own,
            board,
            contact="admin@example.org",
            ca_file=authority.ca_file,
            seconds=0.3,
            state=state,
            wake=wake,
        )
        flying = schedule.run(
            lambda: ends,
            board,
            seconds=3600,
            state=state,
            wake=wake,
            patience=PATIENCE,
            least_seconds=0.5,
        )
        both = asyncio.gather(looking, flying)
        try:
            yield board
        finally:
            both.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await both


async def until(board: Board, line: str) -> None:
    async with asyncio.timeout(30):
        while f"podfleet_{line}\n".encode() not in board.text():
            await asyncio.sleep(0.02)


async def test_a_pod_that_turns_red_is_flown_to_at_once(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "REQUESTS_A_SECOND", 1000)
    # An hour's jitter at the start would be a long one.
    monkeypatch.setattr(schedule, "_JITTER", 0.0)
    alpha, beta = SmallPod("alpha"), SmallPod("beta")
    pair = 'sender="alpha",receiver="beta"'
    async with watched(authority, tmp_path, alpha, beta) as board:
        await until(board, 'outside_success{pod="beta"} 1')
        await until(board, f'canary_state{{{pair},state="ok"}} 1')
        beta.is_down = True
        await until(board, 'outside_reason{pod="beta",reason="server_error"} 1')
        await until(board, f'canary_reason{{{pair},reason="server_error"}} 1')
        assert f'canary_state{{{pair},state="unknown"}} 1\n'.encode() in board.text()
        assert b'podfleet_outside_success{pod="alpha"} 1\n' in board.text()
    assert not alpha.posts
