"""The fleet's own pods from outside: what a look finds, at which address, and what it wakes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from monitoring.board import Board
from monitoring.outside import watching as outside
from monitoring.outside.certificates import expiry_of
from monitoring.outside.looking import Look, OwnPod, look
from monitoring.outside.watching import run, samples
from monitoring.reasons import Reason
from tests.unit.monitoring.certificates import NOW, Authority
from tests.unit.monitoring.own_pod import (
    ALSO_HERE,
    ASSET,
    BROKEN,
    ELSEWHERE,
    HERE,
    NAME,
    PAGES,
    V6,
    Served,
    serving,
)
from tests.unit.monitoring.peer import DOCUMENT, response


def own(port: int, addresses: Sequence[str] = (HERE,)) -> OwnPod:
    return OwnPod("alpha", f"{NAME}:{port}", tuple(addresses))


async def looked_at(
    authority: Authority, served: Served, *addresses: str, context: ssl.SSLContext | None = None
) -> Look:
    async with serving(served, (HERE, context or authority.context())) as port:
        return await look(own(port, addresses or (HERE,)), ca_file=authority.ca_file)


def said(found: Look) -> dict[tuple[str, ...], float]:
    """The samples, by the metric's name and its labels after the pod."""
    return {(metric.name, *labels[1:]): float(value) for metric, labels, value in samples(found)}


async def test_a_pod_that_is_well(authority: Authority) -> None:
    served = Served()
    found = await looked_at(authority, served)
    assert found.is_well and found.reason is None, found.detail
    told = said(found)
    assert told[("outside_success",)] == told[("outside_nodeinfo_valid",)] == 1
    assert told[("outside_receive_ok",)] == told[("outside_reachable", "v4")] == 1
    assert ("outside_reachable", "v6") not in told
    days = (told[("outside_certificate_expiry_timestamp_seconds", "v4")] - NOW.timestamp()) / 86400
    assert 89 < days < 91
    assert set(found.seconds) == {"nodeinfo", "page", "asset", "total"}
    # What receives is never sent anything.
    assert served.seen == [
        "GET /.well-known/nodeinfo",
        "GET /nodeinfo/2.1",
        "GET /public",
        f"GET {ASSET}",
        "HEAD /receive/public",
    ]


FAULTS: dict[str, tuple[dict[str, bytes], Reason]] = {
    "nodeinfo": ({"/.well-known/nodeinfo": BROKEN}, Reason.SERVER_ERROR),
    "document": ({"/nodeinfo/2.1": response(b"<html>", kind="text/html")}, Reason.NOT_JSON),
    "page": ({"/public": BROKEN}, Reason.SERVER_ERROR),
    "page elsewhere": ({"/public": ELSEWHERE}, Reason.REDIRECTED_ELSEWHERE),
    "no asset": ({"/public": response(b"<p>", kind="text/html")}, Reason.NO_ASSET),
    "asset": ({ASSET: response(b"", "404 Not Found")}, Reason.CLIENT_ERROR),
}


@pytest.mark.parametrize(("pages", "reason"), FAULTS.values(), ids=FAULTS.keys())
async def test_a_fault_has_its_reason(
    pages: dict[str, bytes], reason: Reason, authority: Authority
) -> None:
    found = await looked_at(authority, Served(PAGES | pages))
    assert (found.is_usable, found.reason) == (False, reason)
    assert said(found)[("outside_reason", str(reason))] == 1
    # What was not looked at is not told.
    assert ("outside_receive_ok",) not in said(found)


async def test_nodeinfo_that_breaks_its_rules_is_no_reason_to_be_red(authority: Authority) -> None:
    document = json.dumps({**DOCUMENT, "usage": None}).encode()
    found = await looked_at(authority, Served(PAGES | {"/nodeinfo/2.1": response(document)}))
    assert found.is_well and said(found)[("outside_nodeinfo_valid",)] == 0


RECEIVES = {
    "redirect": (ELSEWHERE, 0),
    "http": (response(b"", "308 Permanent Redirect", Location="https://x.example.org/"), 0),
    "method not allowed": (response(b"", "405 Method Not Allowed"), 1),
    "accepted": (response(b"", "202 Accepted"), 1),
    "broken": (BROKEN, None),
}


@pytest.mark.parametrize(("answer", "is_ok"), RECEIVES.values(), ids=RECEIVES.keys())
async def test_a_redirect_of_what_receives(
    answer: bytes, is_ok: int | None, authority: Authority
) -> None:
    found = await looked_at(authority, Served(PAGES | {"/receive/public": answer}))
    assert found.is_usable and found.is_well is (is_ok != 0)
    assert said(found).get(("outside_receive_ok",)) == is_ok


CERTIFICATES = {
    "expired": (Reason.TLS_EXPIRED, {"days": (-90, -2)}, -2),
    "wrong name": (Reason.TLS_WRONG_NAME, {"name": "other.lab.test"}, 90),
    "self-signed": (Reason.TLS_UNTRUSTED, {"own": True}, 90),
}


@pytest.mark.parametrize(("reason", "how", "days"), CERTIFICATES.values(), ids=CERTIFICATES.keys())
async def test_a_bad_certificate_still_has_an_end(
    reason: Reason, how: dict[str, object], days: int, authority: Authority
) -> None:
    context = authority.context(**how)  # type: ignore[arg-type]
    found = await looked_at(authority, Served(), context=context)
    assert found.reason is reason
    told = said(found)
    assert told[("outside_reachable", "v4")] == 0
    ends = told[("outside_certificate_expiry_timestamp_seconds", "v4")]
    assert (ends - NOW.timestamp()) / 86400 == pytest.approx(days, abs=0.01)


async def test_each_family_is_told_apart(authority: Authority) -> None:
    """IPv6 is not served: who is handed that address is not helped by the other one."""
    found = await looked_at(authority, Served(), HERE, V6)
    told = said(found)
    assert found.is_usable
    assert (told[("outside_reachable", "v4")], told[("outside_reachable", "v6")]) == (1, 0)
    reasons = {each["address"]: each["reason"] for each in found.to_json()["addresses"]}
    assert reasons == {HERE: None, V6: Reason.REFUSED}


async def test_by_its_name_alone(authority: Authority) -> None:
    """Nobody says where it is: the name does."""
    context = authority.context("localhost")
    async with serving(Served(), (HERE, context)) as port:
        found = await look(OwnPod("alpha", f"localhost:{port}"), ca_file=authority.ca_file)
    assert found.is_well, found.detail
    assert said(found)[("outside_reachable", "v4")] == 1


async def test_one_family_only_and_no_way_to_the_other(authority: Authority) -> None:
    # 240.0.0.0/4 is routed nowhere; the kernel says so without a packet.
    served = Served()
    async with serving(served, (V6, authority.context())) as port:
        found = await look(own(port, (V6, "255.255.255.255")), ca_file=authority.ca_file)
    told = said(found)
    assert found.is_well and told[("outside_reachable", "v6")] == 1
    assert ("outside_reachable", "v4") not in told


async def test_the_first_certificate_to_end_of_all_addresses_counts(authority: Authority) -> None:
    good, ending = authority.context(), authority.context(days=(-80, 3))
    async with serving(Served(), (HERE, good), (ALSO_HERE, ending)) as port:
        found = await look(own(port, (HERE, ALSO_HERE)), ca_file=authority.ca_file)
    ends = said(found)[("outside_certificate_expiry_timestamp_seconds", "v4")]
    assert (ends - NOW.timestamp()) / 86400 == pytest.approx(3, abs=0.01)


async def test_a_name_that_leads_nowhere(authority: Authority) -> None:
    found = await look(OwnPod("alpha", "pod.invalid"), ca_file=authority.ca_file)
    assert found.reason in (Reason.NAME_UNRESOLVED, Reason.NAME_TIMED_OUT)
    assert said(found)[("outside_success",)] == 0


async def test_nothing_listens(authority: Authority) -> None:
    async with serving(Served(), (HERE, authority.context())) as port:
        pass
    found = await look(own(port), ca_file=authority.ca_file)
    assert found.reason is Reason.REFUSED and said(found)[("outside_reachable", "v4")] == 0


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x82", b"\x30\x03\x30\x01\x00", b"\xff" * 64])
def test_what_is_no_certificate_has_no_end(data: bytes) -> None:
    assert expiry_of(data) is None


class Watched:
    """`run` over a pod and a second one that is always well."""

    def __init__(self, state: Path) -> None:
        self.board, self.wake, self.state = Board(), asyncio.Event(), state

    async def until(self, name: str, value: int, labels: str = 'pod="alpha"') -> None:
        wanted = f"podfleet_outside_{name}{{{labels}}} {value}\n".encode()
        async with asyncio.timeout(20):
            while wanted not in self.board.text():
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def watching(
    pods: Sequence[OwnPod], ca_file: str, state: Path, *, seconds: float = 0.3
) -> AsyncIterator[Watched]:
    found = Watched(state)
    task = asyncio.create_task(
        run(
            pods,
            found.board,
            contact="admin@example.org",
            ca_file=ca_file,
            seconds=seconds,
            state=state,
            wake=found.wake,
        )
    )
    try:
        yield found
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_turning_red_wakes_the_canary_once(authority: Authority, tmp_path: Path) -> None:
    served = Served()
    async with (
        serving(served, (HERE, authority.context())) as port,
        watching([own(port)], authority.ca_file, tmp_path) as watched,
    ):
        await watched.until("success", 1)
        assert not watched.wake.is_set()
        served.pages["/public"] = BROKEN
        await watched.until("reason", 1, 'pod="alpha",reason="server_error"')
        assert watched.wake.is_set()
        watched.wake.clear()
        await asyncio.sleep(0.8)
        assert not watched.wake.is_set(), "red as before"
        served.pages |= PAGES | {"/receive/public": ELSEWHERE}
        await watched.until("success", 1)
        assert not watched.wake.is_set(), "usable, though not well"
        served.pages |= PAGES
        await watched.until("receive_ok", 1)
        served.pages["/receive/public"] = ELSEWHERE
        await watched.until("receive_ok", 0)
        assert watched.wake.is_set()
        await asyncio.sleep(1.2)
    (told,) = json.loads((tmp_path / "outside.json").read_text())["pods"]
    assert (told["pod"], told["usable"], told["receive_ok"]) == ("alpha", True, False)
    assert told["addresses"][0]["address"] == HERE


async def test_a_pod_that_cannot_be_used_is_looked_at_again_soon(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(outside, "_SPREAD_SECONDS", 0.0)
    served = Served()
    served.pages["/public"] = BROKEN
    async with (
        serving(served, (HERE, authority.context())) as port,
        watching([own(port)], authority.ca_file, tmp_path, seconds=600) as watched,
    ):
        await watched.until("success", 0)
        served.pages |= PAGES
        await watched.until("success", 1)
        looks = served.seen.count("GET /public")
        await asyncio.sleep(0.8)
        assert served.seen.count("GET /public") == looks, "well, and in no hurry"


async def test_a_pod_in_a_black_hole_delays_no_other(authority: Authority, tmp_path: Path) -> None:
    served, hole = Served(), asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hole.wait()
        writer.transport.abort()

    async with (
        serving(served, (HERE, authority.context())) as port,
        await asyncio.start_server(swallow, HERE, 0) as silent,
    ):
        dead = OwnPod("dead", f"{NAME}:{silent.sockets[0].getsockname()[1]}", (HERE,))
        async with watching([dead, own(port)], authority.ca_file, tmp_path) as watched:
            await watched.until("success", 1)
            looks = served.seen.count("GET /public")
            await watched.until("success", 0, 'pod="dead"')
            await watched.until("reason", 1, 'pod="dead",reason="tls_timed_out"')
            assert served.seen.count("GET /public") > looks + 3
        hole.set()
