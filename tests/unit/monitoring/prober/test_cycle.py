"""Cycles against real servers: what they tell, whom they ask, and how often."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from monitoring.board import Board
from monitoring.metrics import PROBE_SUCCESS
from monitoring.peers import Peer, Peers
from monitoring.prober import cycle as cycle_module
from monitoring.prober import sweep as sweep_module
from monitoring.prober.looking import Asking, look
from monitoring.prober.nodeinfo import Probe
from monitoring.prober.target import Target
from monitoring.reasons import Reason
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.peer import DOCUMENT, Handler, nodeinfo, peer, response
from tests.unit.monitoring.prober.cycling import (
    NOWHERE,
    WILDCARD,
    Names,
    cycling,
    served,
)

FRIENDICA = {**DOCUMENT, "software": {"name": "friendica", "version": "2024.12"}}
STRANGE = {**DOCUMENT, "software": {"name": 'x"\n<b>', "version": "99.0.0.0"}}


async def test_what_is_told_of_a_good_peer(authority: Authority, tmp_path: Path) -> None:
    async with served({"good": nodeinfo(DOCUMENT)}, authority) as peers:
        good = replace(peers["good"], contacts=7, offline_since=123.0)
        looking = cycling([good], tmp_path, authority)
        await looking.prober.cycle(lag=2.5)
    name = good.authority
    assert looking.series("probe_success") == {(name,): 1}
    assert looking.series("probe_reason") == {}
    assert looking.series("probe_reachable") == {(name, "v4"): 1}
    assert looking.series("probe_nodeinfo_valid") == {(name,): 1}
    assert time.time() - looking.series("probe_timestamp_seconds")[(name,)] < 60
    assert looking.series("probe_certificate_expiry_timestamp_seconds")[(name,)] > time.time()
    assert looking.series("probe_newest_version_number") == {(): 9001000}
    assert looking.series("probe_cycle_lag_seconds") == {(): 2.5}
    counts = looking.series("probe_stage_duration_seconds_count")
    assert counts == {(stage,): 1 for stage in cycle_module.STAGES}
    told = looking.state[name]
    assert (told["words"], told["contacts"], told["offline_since"]) == ("fine", 7, 123.0)
    assert (told["software"], told["families"]) == ("diaspora", {"v4": True})


async def test_a_full_disk_ends_no_prober(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The exporter and the look from outside, which tell of the disk, live in the same process."""

    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cycle_module, "write_state", write)
    looking = cycling([Peer("nobody.lab.test", port=1)], tmp_path)
    await looking.prober.cycle()
    assert looking.series("probe_success") == {("nobody.lab.test:1",): 0}
    assert "No space left on device" in caplog.text


async def test_software_is_a_closed_set(authority: Authority, tmp_path: Path) -> None:
    handlers = {"one": nodeinfo(DOCUMENT), "two": nodeinfo(FRIENDICA), "odd": nodeinfo(STRANGE)}
    async with served(handlers, authority) as peers:
        looking = cycling(list(peers.values()), tmp_path, authority)
        await looking.prober.cycle()
    expected = {("diaspora",): 1, ("friendica",): 1, ("other",): 1}
    assert looking.series("probe_software") == expected


async def test_a_name_full_of_markup_is_a_label_like_any_other(tmp_path: Path) -> None:
    evil = 'a"} 1\\\n# HELP x\n<script>alert(1)</script>'
    looking = cycling([Peer(evil)], tmp_path)
    await looking.prober.cycle()
    # A strict reader of the format gets the very name back, and nothing else.
    assert looking.series("probe_success") == {(evil,): 0}
    assert looking.series("probe_reason") == {(evil, "bad_url"): 1}
    assert looking.state[evil]["reason"] == Reason.BAD_URL


async def test_series_vanish_with_their_peer(authority: Authority, tmp_path: Path) -> None:
    async with served({"stays": nodeinfo(DOCUMENT)}, authority) as peers:
        stays = peers["stays"]
        looking = cycling([stays], tmp_path, authority)
        looking.peers.learn("alpha", [Peer("goes.lab.test", 1)])
        await looking.prober.cycle()
        looking.peers.learn("alpha", [])
        assert len(looking.series("probe_success")) == 2
        await looking.prober.cycle()
    assert list(looking.series("probe_success")) == [(stays.authority,)]
    assert list(looking.state) == [stays.authority]


async def test_beyond_the_cap_peers_share_a_label(authority: Authority, tmp_path: Path) -> None:
    async with peer(nodeinfo(DOCUMENT), authority.context(WILDCARD)) as port:
        known = [Peer(f"p{number}.lab.test", port, contacts=number) for number in range(10)]
        names = Names({"p1.lab.test": NOWHERE})
        looking = cycling(known, tmp_path, authority, names=names, max_peers=6)
        await looking.prober.cycle()
    successes = looking.series("probe_success")
    assert len(successes) == 7
    assert (f"p9.lab.test:{port}",) in successes
    # Of the contacts of p0 to p3, all but the one at p1 are reached.
    assert successes[("other",)] == pytest.approx(5 / 6)


@contextlib.asynccontextmanager
async def listening(address: str, authority: Authority, port: int = 0) -> AsyncIterator[int]:
    """A good peer at one address alone."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handle: Handler = nodeinfo(DOCUMENT)
        with contextlib.suppress(OSError, EOFError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await handle(head.split(b" ")[1].decode(), reader, writer)

    tls = authority.context(WILDCARD)
    async with await asyncio.start_server(serve, address, port, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]


BOTH = {
    "only v4 serves": ("127.0.0.1", ["::1", "127.0.0.1"], {"v6": False, "v4": True}),
    "only v6 serves": ("::1", ["127.0.0.1", "::1"], {"v4": False, "v6": True}),
    "v6 is not there": ("127.0.0.1", ["127.0.0.1"], {"v4": True}),
    # A link-local address without its link: no way leads there from this host.
    "no route by v6": ("127.0.0.1", ["fe80::1", "127.0.0.1"], {"v4": True}),
    "the second address": ("127.0.0.1", ["127.0.0.2", "127.0.0.1"], {"v4": True}),
}


@pytest.mark.parametrize(("serves", "says", "families"), BOTH.values(), ids=BOTH.keys())
async def test_families_are_judged_apart(
    serves: str, says: list[str], families: dict[str, bool], authority: Authority, tmp_path: Path
) -> None:
    async with listening(serves, authority) as port:
        known = [Peer("two.lab.test", port)]
        looking = cycling(known, tmp_path, authority, names=Names({"two.lab.test": says}))
        await looking.prober.cycle()
    told = looking.state[f"two.lab.test:{port}"]
    assert (told["reason"], told["families"]) == (None, families)


async def test_no_way_out_is_not_the_peers_fault(tmp_path: Path) -> None:
    names = Names({"six.lab.test": ["fe80::1"]})
    looking = cycling([Peer("six.lab.test")], tmp_path, names=names)
    await looking.prober.cycle()
    assert looking.state["six.lab.test"]["reason"] == Reason.NO_ROUTE
    assert looking.series("probe_reachable") == {}


async def test_one_connection_at_a_time_and_who_knocks(
    authority: Authority, tmp_path: Path
) -> None:
    """Also where both families work: the second is only tried once the first has hung up."""
    open_now, most, heads = 0, 0, []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        with contextlib.suppress(OSError, EOFError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                heads.append(head.decode())
                await nodeinfo(DOCUMENT)(head.split(b" ")[1].decode(), reader, writer)
        open_now -= 1

    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(await asyncio.start_server(serve, "127.0.0.1", 0))
        port = first.sockets[0].getsockname()[1]
        await stack.enter_async_context(await asyncio.start_server(serve, "::1", port))
        known = [Peer("both.lab.test", port, is_tls=False)]
        says = Names({"both.lab.test": ["::1", "127.0.0.1"]})
        looking = cycling(known, tmp_path, authority, names=says)
        await looking.prober.cycle()
    assert looking.state[f"both.lab.test:{port}"]["families"] == {"v6": True, "v4": True}
    assert most == 1
    assert [head.split(" ")[1] for head in heads] == ["/.well-known/nodeinfo", "/nodeinfo/2.1"]
    assert all("User-Agent: podfleet (+admin@example.org)\r\n" in head for head in heads)


async def test_heaviest_first(authority: Authority, tmp_path: Path) -> None:
    order: list[str] = []

    async def note(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        order.append(path)
        writer.write(response(b"", "404 Not Found"))

    names = Names()
    weights = [3, 1, 4, 1, 5, 9, 2, 6]
    async with peer(note, authority.context(WILDCARD)) as port:
        known = [Peer(f"w{w}-{i}.lab.test", port, contacts=w) for i, w in enumerate(weights)]
        looking = cycling(known, tmp_path, authority, names=names)
        await looking.prober.cycle()
    asked = [int(name[1]) for name in names.asked]
    assert asked == sorted(weights, reverse=True)
    assert len(order) == len(weights)


async def test_slow_names_do_not_stall_the_others(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that were found the last time have threads of their own."""
    monkeypatch.setattr(sweep_module, "OTHER_THREADS", 16)

    def slow() -> list[str]:
        time.sleep(0.5)
        raise NOWHERE

    async with peer(nodeinfo(DOCUMENT), authority.context(WILDCARD)) as port:
        good = [Peer(f"good-{number}.lab.test", port) for number in range(20)]
        bad = [Peer(f"slow-{number}.lab.test", contacts=9) for number in range(160)]
        names = Names({each.host: slow for each in bad})
        looking = cycling(good, tmp_path, authority, names=names)
        await looking.prober.cycle()
        looking.peers.learn("alpha", bad)
        started = time.time()
        await looking.prober.cycle()
    took = time.time() - started
    told = looking.state
    latest = max(told[each.authority]["at"] for each in good) - started
    assert all(told[each.authority]["reason"] is None for each in good)
    assert latest < took / 2, (latest, took)


async def test_a_probe_that_breaks_ends_no_cycle(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of our own is one peer's reason, and in the journal."""

    async def breaking(
        target: Target, addresses: Sequence[str], asking: Asking
    ) -> tuple[Probe, dict[str, bool]]:
        if target.host.startswith("odd"):
            raise KeyError("a case that nobody thought of")
        return await look(target, addresses, asking)

    monkeypatch.setattr("monitoring.prober.sweep.look", breaking)
    handlers = {"good": nodeinfo(DOCUMENT), "odd": nodeinfo(DOCUMENT)}
    async with served(handlers, authority) as peers:
        looking = cycling(list(peers.values()), tmp_path, authority)
        await looking.prober.cycle()
    reasons = {name.partition(".")[0]: each["reason"] for name, each in looking.state.items()}
    assert reasons == {"good": None, "odd": Reason.PROBE_BROKE}


async def test_finding_a_name_that_breaks_ends_no_cycle(
    authority: Authority, tmp_path: Path
) -> None:
    def breaking() -> list[str]:
        raise KeyError("a case that nobody thought of")

    async with served({"good": nodeinfo(DOCUMENT)}, authority) as peers:
        known = [*peers.values(), Peer("odd.lab.test")]
        names = Names({"odd.lab.test": breaking})
        looking = cycling(known, tmp_path, authority, names=names)
        await looking.prober.cycle()
    reasons = {name.partition(".")[0]: each["reason"] for name, each in looking.state.items()}
    assert reasons == {"good": None, "odd": Reason.PROBE_BROKE}


async def test_run_meets_newcomers_wakes_and_goes_on(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cycle_module, "NEWCOMER_SECONDS", 0.05)
    peers, board, wake, names = Peers(), Board(), asyncio.Event(), Names()
    async with served({"late": nodeinfo(DOCUMENT)}, authority) as late:
        running = asyncio.create_task(
            cycle_module.run(
                peers, board, contact="", allow_private=True, ca_file=authority.ca_file,
                seconds=300, state=tmp_path, wake=wake, look_up=names,
            )
        )  # fmt: skip
        await until(lambda: b"podfleet_probe_peers 0" in board.text())
        peers.learn("alpha", [late["late"]])
        await until(lambda: PROBE_SUCCESS.full_name.encode() + b'{peer="late' in board.text())
        assert len(names.asked) == 1
        wake.set()
        await until(lambda: len(names.asked) == 2)
        running.cancel()
        await asyncio.wait({running})


async def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)
