"""Several addresses of one name: a dead one costs a moment, never the probe."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from monitoring.prober import addresses as addresses_module
from monitoring.prober import dialling
from monitoring.prober.addresses import is_public, resolve
from monitoring.prober.dialling import dial
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.limits import Limits
from monitoring.prober.stages import Stages
from monitoring.prober.target import Target, parse_target
from monitoring.reasons import Reason

LIMITS = Limits(deadline_seconds=20, connect_seconds=1.5, allow_private=True)
GOOD, REFUSING, BLACK_HOLE = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@contextlib.asynccontextmanager
async def one_good_address() -> AsyncIterator[int]:
    """A port that accepts on GOOD, refuses on REFUSING, and says nothing on BLACK_HOLE."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with await asyncio.start_server(serve, GOOD, 0) as server:
        port = server.sockets[0].getsockname()[1]
        with contextlib.ExitStack() as sockets:
            hole = sockets.enter_context(socket.socket())
            hole.bind((BLACK_HOLE, port))
            hole.listen(0)
            for _ in range(4):
                filler = sockets.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex((BLACK_HOLE, port))
            yield port


async def dialled(port: int, addresses: Sequence[str]) -> tuple[str, float]:
    """The address that answered, and after how many seconds."""
    stages = Stages()
    line = await dial(Target("http", "pod.lab.test", port), addresses, stages, LIMITS)
    line.hang_up()
    return line.address, stages.seconds["connect"]


@pytest.mark.parametrize(
    "order",
    [(GOOD, BLACK_HOLE), (REFUSING, GOOD), (BLACK_HOLE, GOOD), (BLACK_HOLE, REFUSING, GOOD)],
)
async def test_the_good_address_is_found(order: tuple[str, ...]) -> None:
    async with one_good_address() as port:
        address, seconds = await dialled(port, order)
    assert address == GOOD
    # Before the black hole's own time is over.
    assert seconds < LIMITS.connect_seconds


@pytest.mark.parametrize(
    ("order", "reason"),
    [((REFUSING,), Reason.REFUSED), ((REFUSING, BLACK_HOLE), Reason.REFUSED)],
)
async def test_no_good_address(order: tuple[str, ...], reason: Reason) -> None:
    async with one_good_address() as port:
        started = time.monotonic()
        with pytest.raises(ProbeFailed) as failed:
            await dialled(port, order)
    assert failed.value.reason is reason
    assert time.monotonic() - started < LIMITS.deadline_seconds


ADDRESSES = {
    "198.51.100.1": False,
    "8.8.8.8": True,
    "10.1.2.3": False,
    "100.64.0.1": False,
    "127.0.0.1": False,
    "169.254.169.254": False,
    "224.0.0.1": False,
    "0.0.0.0": False,
    "::1": False,
    "::": False,
    "fe80::1%eth0": False,
    "fd00::1": False,
    "ff02::1": False,
    "2606:4700::1111": True,
    "::ffff:10.0.0.1": False,
    "64:ff9b::a00:1": False,
    "64:ff9b::808:808": True,
    "2002:a00:1::1": False,
    "64:ff9b:1::a00:1": False,
    "fec0::1": False,
    "::10.0.0.1": False,
    "::ffff:0:10.0.0.1": False,
    "2001:db8::1": False,
    "3fff::1": False,
    "5f00::1": False,
    "ff0e::1": False,
}


@pytest.mark.parametrize(("address", "public"), ADDRESSES.items())
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_private_addresses_of_a_name_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers(target: Target) -> list[str]:
        return ["10.0.0.1", "8.8.8.8", "fd00::1"]

    monkeypatch.setattr(addresses_module, "_look_up", answers)
    target = parse_target("pod.example.org")
    assert await resolve(target, None, allow_private=False) == ["8.8.8.8"]
    assert len(await resolve(target, None, allow_private=True)) == 3
    assert await resolve(target, "10.9.9.9", allow_private=False) == ["10.9.9.9"]


TARGETS = {
    "pod.example.org": ("https", "pod.example.org", 443, "pod.example.org"),
    "https://Pod.Example.org/x?y": ("https", "pod.example.org", 443, "pod.example.org"),
    "http://pod.example.org:3000": ("http", "pod.example.org", 3000, "pod.example.org:3000"),
    "https://[2001:db8::1]:8443/": ("https", "2001:db8::1", 8443, "[2001:db8::1]:8443"),
    "https://münchen.example.org": (
        "https", "xn--mnchen-3ya.example.org", 443, "xn--mnchen-3ya.example.org",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("url", "parts"), TARGETS.items())
def test_targets(url: str, parts: tuple[str, str, int, str]) -> None:
    target = parse_target(url)
    assert (target.scheme, target.host, target.port, target.authority) == parts


def test_authorities_are_read_anew_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10 * 86400.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    first = dialling.trust()
    now += 86399
    assert dialling.trust() is first
    now += 1
    assert dialling.trust() is not first
