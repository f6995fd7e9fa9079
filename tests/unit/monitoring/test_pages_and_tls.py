"""The probes of pages, assets and certificates against a real TLS server."""

from __future__ import annotations

import time
from typing import Any

import pytest

from monitoring.prober.pages import probe_asset, probe_page
from monitoring.prober.tls import probe_tls
from monitoring.reasons import Reason
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.peer import answering, peer, response

NAME = "pod.lab.test"
ASSET = f"/assets/main-{'0a' * 32}.css"
PAGE = f'<html><link rel="stylesheet" href="{ASSET}"><a href="/assets/x.css"></html>'.encode()


def html(body: bytes, **headers: str) -> bytes:
    return response(body, kind="text/html; charset=utf-8", **headers)


def reach(port: int, authority: Authority) -> dict[str, Any]:
    return {
        "url": f"https://{NAME}:{port}",
        "address": "127.0.0.1",
        "ca_file": authority.ca_file,
    }


async def test_page_is_loaded_and_its_assets_named(authority: Authority) -> None:
    async with peer(answering({"/": html(PAGE)}), authority.context()) as port:
        page = await probe_page(**reach(port, authority))
    assert (page.reason, page.status, page.bytes) == (None, 200, len(PAGE))
    assert page.assets == (ASSET,)


async def test_redirect_to_podmin_is_followed(authority: Authority) -> None:
    pages = {
        "/": response(b"", "302 Found", Location=f"https://{NAME}/podmin"),
        "/podmin": html(PAGE),
    }
    async with peer(answering(pages), authority.context()) as port:
        pages["/"] = pages["/"].replace(NAME.encode(), f"{NAME}:{port}".encode())
        page = await probe_page(**reach(port, authority))
    assert (page.reason, page.path) == (None, "/podmin")


ASSETS = {
    "loaded": ({"/": html(PAGE), ASSET: response(b"p{}", kind="text/css")}, None),
    "named in the Link header": (
        {
            "/": html(b"<html></html>", Link=f"<{ASSET}>; rel=preload; as=style"),
            ASSET: response(b"p{}", kind="text/css"),
        },
        None,
    ),
    "missing": ({"/": html(PAGE)}, Reason.CLIENT_ERROR),
    "empty": ({"/": html(PAGE), ASSET: response(b"", kind="text/css")}, Reason.EMPTY),
    "none named": ({"/": html(b"<html></html>")}, Reason.NO_ASSET),
    "the page itself broken": (
        {"/": response(b"sorry", "503 Service Unavailable")},
        Reason.SERVER_ERROR,
    ),
}


@pytest.mark.parametrize(("pages", "reason"), ASSETS.values(), ids=ASSETS.keys())
async def test_asset(pages: dict[str, bytes], reason: Reason | None, authority: Authority) -> None:
    async with peer(answering(pages), authority.context()) as port:
        asset = await probe_asset(**reach(port, authority))
    assert asset.reason is reason
    if reason is None:
        assert (asset.path, asset.bytes, asset.content_type) == (ASSET, 3, "text/css")


async def test_a_strangers_post_does_not_keep_the_probe_busy(authority: Authority) -> None:
    """Where a page shows what people write, somebody writes this."""
    post = b'"' + b"/assets/a-" * 20_000 + b'"'
    async with peer(answering({"/": html(post + PAGE)}), authority.context()) as port:
        started = time.process_time()
        page = await probe_page(**reach(port, authority))
    assert page.assets == (ASSET,)
    assert time.process_time() - started < 2


async def test_certificate_is_read(authority: Authority) -> None:
    async with peer(answering({}), authority.context(days=(-1, 30))) as port:
        tls = await probe_tls(**reach(port, authority))
        later = await probe_tls(**reach(port, authority), now=time.time() + 20 * 86400)
    assert (tls.reason, tls.protocol, tls.names) == (None, "TLSv1.3", (NAME,))
    assert tls.issuer == "Tests' own authority"
    assert tls.days_left is not None and 29 < tls.days_left <= 30
    assert later.days_left is not None and 9 < later.days_left <= 10


async def test_bad_certificate_is_a_reason(authority: Authority) -> None:
    async with peer(answering({}), authority.context(days=(-9, -1))) as port:
        tls = await probe_tls(**reach(port, authority))
    assert (tls.reason, tls.days_left) == (Reason.TLS_EXPIRED, None)
