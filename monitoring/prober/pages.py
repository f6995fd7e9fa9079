"""A page of a pod of ours as a browser asks for it, and one of the hashed assets in it."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace

from monitoring.prober.failure import ProbeFailed
from monitoring.prober.finding import Finding, concluded
from monitoring.prober.limits import OWN_POD, Limits
from monitoring.prober.nodeinfo import expect_ok
from monitoring.prober.session import Session
from monitoring.prober.stages import Stages
from monitoring.prober.visiting import visit
from monitoring.reasons import Reason

# Sprockets' and Propshaft's names: /assets/main-<hexadecimal digest>.css. What comes before the
# digest is bounded: pages hold strangers' words, of which some would take minutes otherwise.
_ASSET = re.compile(
    r"""["'(<](?P<link>[^"'()<>\s]{0,255}/assets/[^"'()<>\s]{1,255}-[0-9a-f]{8,64}\.(?:css|js))"""
)


@dataclass(frozen=True)
class Page(Finding):
    """One page, or one asset, as it was loaded."""

    path: str = "/"
    status: int | None = None
    bytes: int = 0
    content_type: str = ""
    assets: tuple[str, ...] = ()


async def probe_page(
    url: str,
    path: str = "/",
    *,
    address: str | None = None,
    ca_file: str | None = None,
    limits: Limits = OWN_POD,
) -> Page:
    """Loads a page (redirects within the host followed) and names the hashed assets in it."""
    return await _visit(url, path, False, address, ca_file, limits)


async def probe_asset(
    url: str,
    path: str = "/",
    *,
    address: str | None = None,
    ca_file: str | None = None,
    limits: Limits = OWN_POD,
) -> Page:
    """Loads a page, then the first hashed asset that it names; what is returned is the asset."""
    return await _visit(url, path, True, address, ca_file, limits)


async def _visit(
    url: str,
    path: str,
    wants_asset: bool,
    address: str | None,
    ca_file: str | None,
    limits: Limits,
) -> Page:
    stages = Stages()
    found = Page(url, path)

    async def look(session: Session) -> None:
        nonlocal found
        found = await _load(session, found, "page")
        if wants_asset:
            found = await _load(session, replace(found, path=_first_asset(found)), "asset")

    failed = await visit(url, look, stages=stages, limits=limits, address=address, ca_file=ca_file)
    return concluded(found, failed, stages)


async def _load(session: Session, page: Page, stage: str) -> Page:
    answer, path = await session.get(session.path_here(page.path), stage=stage)
    expect_ok(answer)
    if not answer.body:
        raise ProbeFailed(Reason.EMPTY, path)
    content_type = answer.headers.get("content-type", "")
    preloaded = answer.headers.get("link", "")
    text = answer.body.decode(errors="replace") if "html" in content_type else ""
    return replace(
        page,
        path=path,
        status=answer.status,
        bytes=len(answer.body),
        content_type=content_type,
        assets=_assets(preloaded + "\n" + text),
    )


def _assets(text: str) -> tuple[str, ...]:
    links = (html.unescape(found["link"]) for found in _ASSET.finditer(text))
    return tuple(dict.fromkeys(links))


def _first_asset(page: Page) -> str:
    if not page.assets:
        raise ProbeFailed(Reason.NO_ASSET, page.path)
    return page.assets[0]
