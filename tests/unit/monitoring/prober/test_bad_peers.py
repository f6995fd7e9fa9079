"""Every kind of bad peer in one cycle, beside good ones: nobody else's result changes."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from monitoring.peers import Peer
from monitoring.prober.limits import Limits
from monitoring.reasons import Reason
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.peer import DOCUMENT, Handler, nodeinfo, peer
from tests.unit.monitoring.prober.cycling import (
    HASTY,
    HERE,
    NOWHERE,
    SILENCE,
    WILDCARD,
    Names,
    cycling,
    host_of,
    served,
)
from tests.unit.monitoring.test_nodeinfo_faults import CERTIFICATES, FAULTS, free_port, listener
from tests.unit.monitoring.test_nodeinfo_reading import CASES

GOOD = [f"good-{number}.lab.test" for number in range(20)]
# So many names lead to each of those that send without end.
FLOODS = 40
MEGABYTE = 1024


def documents() -> dict[str, Handler]:
    return {f"document {name}": nodeinfo(case.document) for name, case in CASES.items()}


def faults() -> dict[str, Handler]:
    return {name: fault.handler for name, fault in FAULTS.items()}


@contextlib.contextmanager
def unserved() -> Iterator[dict[str, tuple[Peer, Reason]]]:
    """Peers at which nobody speaks TLS at all."""
    with listener(accepts=False) as hole, listener(accepts=True) as mute:
        yield {
            "refuses": (Peer("refuses.lab.test", free_port()), Reason.REFUSED),
            "black hole": (Peer("hole.lab.test", hole), Reason.CONNECT_TIMED_OUT),
            "mute": (Peer("mute.lab.test", mute), Reason.TLS_TIMED_OUT),
            "nowhere": (Peer("nowhere.lab.test"), Reason.NAME_UNRESOLVED),
            "silence": (Peer("silence.lab.test"), Reason.NAME_TIMED_OUT),
            "no name": (Peer('a"b}\n<script>'), Reason.BAD_URL),
            "too long": (Peer("x" * 300), Reason.BAD_URL),
        }


@contextlib.asynccontextmanager
async def distrusted(authority: Authority) -> AsyncIterator[dict[str, tuple[Peer, Reason]]]:
    async with contextlib.AsyncExitStack() as stack:
        found = {}
        for words, (how, reason) in CERTIFICATES.items():
            named: dict[str, Any] = {"name": WILDCARD}
            named.update(how)
            context = authority.context(**named)
            port = await stack.enter_async_context(peer(nodeinfo(DOCUMENT), context))
            # The wildcard would fit any other name.
            host = "pod.lab.example" if named["name"] != WILDCARD else host_of(words)
            found[words] = (Peer(host, port), reason)
        yield found


def names() -> Names:
    return Names({"nowhere.lab.test": NOWHERE, "silence.lab.test": SILENCE})


def peak_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def test_bad_peers_change_nobody_elses_result(authority: Authority, tmp_path: Path) -> None:
    async with (
        served({**faults(), **documents()}, authority) as bad,
        distrusted(authority) as untrusted,
        peer(nodeinfo(DOCUMENT), authority.context(WILDCARD)) as port,
    ):
        good = [Peer(name, port, contacts=index % 3) for index, name in enumerate(GOOD)]
        alone = cycling(good, tmp_path, authority, names=names())
        await alone.prober.cycle()
        before = results(alone.state)
        with unserved() as silent:
            expected = {**untrusted, **silent}
            everybody = [*good, *bad.values(), *(each for each, _ in expected.values())]
            beside = cycling(everybody, tmp_path, authority, names=names())
            started, memory = time.monotonic(), peak_kilobytes()
            await beside.prober.cycle()
        took = time.monotonic() - started
    after = beside.state
    assert {name: each for name, each in results(after).items() if name in before} == before
    assert all(each["reason"] is None for each in before.values())
    expected |= {words: (bad[words], fault.reason) for words, fault in FAULTS.items()}
    found = {words: after[each.authority]["reason"] for words, (each, _) in expected.items()}
    assert found == {words: reason for words, (_, reason) in expected.items()}
    assert took < 2 * HASTY.deadline_seconds + 5
    assert peak_kilobytes() - memory < 80 * MEGABYTE


def results(state: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What must not change from one cycle to the next."""
    kept = ("reason", "software", "version", "families", "contacts", "certificate_expires")
    return {peer: {name: told[name] for name in kept} for peer, told in state.items()}


async def test_floods_fit_into_memory(authority: Authority, tmp_path: Path) -> None:
    floods = {
        name: fault.handler
        for name, fault in FAULTS.items()
        if "without end" in name or "bomb" in name
    }
    async with served(floods, authority) as bad:
        known = [
            Peer(f"{number}-{each.host}", each.port)
            for each in bad.values()
            for number in range(FLOODS)
        ]
        flooded = cycling(known, tmp_path, authority)
        memory = peak_kilobytes()
        await flooded.prober.cycle()
    assert {each["reason"] for each in flooded.state.values()} == {Reason.TOO_LARGE}
    # Of it, the servers' own buffers take the larger part.
    assert peak_kilobytes() - memory < 150 * MEGABYTE


INSIDE = {
    "loopback.example": HERE,
    "private.example": ("10.0.0.1",),
    "cloud.example": ("169.254.169.254",),
    "mapped.example": ("::ffff:127.0.0.1",),
    "local.example": ("fe80::1", "fd00::1", "::1"),
    "127.0.0.1": HERE,
    "::1": ("::1",),
    "169.254.169.254": ("169.254.169.254",),
}


async def test_a_strangers_name_never_leads_inside(tmp_path: Path) -> None:
    reached: list[object] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(writer.get_extra_info("peername"))
        writer.close()

    names = Names(INSIDE)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        known = [Peer(host, port) for host in INSIDE]
        looking = cycling(known, tmp_path, names=names, limits=Limits(deadline_seconds=6.0))
        await looking.prober.cycle()
    assert {each["reason"] for each in looking.state.values()} == {Reason.PRIVATE_ADDRESS}
    assert sorted(names.asked) == sorted(INSIDE)
    assert reached == []


async def test_a_name_is_asked_once_and_its_answer_is_connected_to(
    authority: Authority, tmp_path: Path
) -> None:
    """A name server that says something else the second time is not asked a second time."""
    answers = iter([["127.0.0.1"], ["127.0.0.9"]])
    names = Names({"rebinding.lab.test": lambda: next(answers)})
    async with peer(nodeinfo(DOCUMENT), authority.context(WILDCARD)) as port:
        looking = cycling([Peer("rebinding.lab.test", port)], tmp_path, authority, names=names)
        await looking.prober.cycle()
    assert names.asked == ["rebinding.lab.test"]
    assert looking.state[f"rebinding.lab.test:{port}"]["reason"] is None


def test_the_tests_names_lead_nowhere_by_themselves() -> None:
    """So whoever is reached was reached by the address that the prober checked."""
    try:
        found = socket.getaddrinfo("good-0.lab.test", 443)
    except socket.gaierror:
        found = []
    assert not [entry for entry in found if entry[4][0] in ("127.0.0.1", "::1")]
