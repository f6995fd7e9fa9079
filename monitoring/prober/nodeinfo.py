"""What a server says of itself through NodeInfo: read leniently, judged strictly apart."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from monitoring.prober.failure import ProbeFailed
from monitoring.prober.finding import Finding, concluded
from monitoring.prober.http import Answer
from monitoring.prober.lenient_json import read_json
from monitoring.prober.limits import STRANGER, Limits
from monitoring.prober.nodeinfo_rules import DOCUMENTS, is_strictly_valid
from monitoring.prober.session import Session
from monitoring.prober.stages import Stages
from monitoring.prober.visiting import visit
from monitoring.reasons import Reason
from monitoring.shown import shown

WELL_KNOWN = "/.well-known/nodeinfo"
_SCHEMA = "nodeinfo.diaspora.software/ns/schema/"
# Beyond it a count is a joke or a mistake (2^53: what every JSON reader agrees on).
_LARGEST_COUNT = 2**53


@dataclass(frozen=True)
class Probe(Finding):
    """What one probe found of a server's NodeInfo."""

    software: str | None = None
    version: str | None = None
    users_total: int | None = None
    open_registrations: bool | None = None
    strictly_valid: bool = False
    nodeinfo: str | None = None
    address: str | None = None
    # Seconds since 1970.
    certificate_expires: float | None = None


@dataclass
class _Findings:
    """A probe in the making: what is known stays known when a later step fails."""

    probe: Probe

    async def look(self, session: Session) -> None:
        await session.open()
        self._meet(session)
        answer, path = await session.get(WELL_KNOWN, stage="discovery", accept="application/json")
        if self.probe.certificate_expires is None:
            # It may have sent us from http to https.
            self._meet(session)
        links, is_clean = read_json(_content(answer))
        version, href = _newest(links)
        self.probe = replace(self.probe, nodeinfo=version)
        answer, _ = await session.get(
            _path(session, href, path), stage="document", accept="application/json"
        )
        document, is_document_clean = read_json(_content(answer))
        self._read(document, version, is_clean and is_document_clean)

    def _meet(self, session: Session) -> None:
        if session.address is not None:
            expires = session.certificate_expires
            self.probe = replace(self.probe, address=session.address, certificate_expires=expires)

    def _read(self, document: Any, version: str, is_clean: bool) -> None:
        software = _member(document, "software")
        self.probe = replace(
            self.probe,
            software=_text(_member(software, "name")),
            version=_text(_member(software, "version")),
            users_total=_count(_member(_member(_member(document, "usage"), "users"), "total")),
            open_registrations=_truth(_member(document, "openRegistrations")),
            strictly_valid=is_clean and is_strictly_valid(document, version),
        )
        if self.probe.software is None:
            raise ProbeFailed(Reason.NO_SOFTWARE)


async def probe_nodeinfo(
    url: str,
    *,
    address: str | None = None,
    ca_file: str | None = None,
    limits: Limits = STRANGER,
    contact: str = "",
) -> Probe:
    """Reads url's NodeInfo within the limits; `address` stands in for what the name resolves to.

    Never raises for anything that the other side does.
    """
    stages = Stages()
    findings = _Findings(Probe(url))
    failed = await visit(
        url,
        findings.look,
        stages=stages,
        limits=limits,
        address=address,
        ca_file=ca_file,
        contact=contact,
    )
    found = concluded(findings.probe, failed, stages)
    return found if found.is_well else replace(found, strictly_valid=False)


def probe(
    url: str,
    address: str | None = None,
    ca_file: str | None = None,
    *,
    limits: Limits = STRANGER,
) -> Probe:
    """probe_nodeinfo for callers without an event loop."""
    return asyncio.run(probe_nodeinfo(url, address=address, ca_file=ca_file, limits=limits))


def _content(answer: Answer) -> bytes:
    """The body of a good answer."""
    return expect_ok(answer).body


def expect_ok(answer: Answer) -> Answer:
    """The answer, if its status is 200."""
    if answer.status == 200:
        return answer
    kinds = {4: Reason.CLIENT_ERROR, 5: Reason.SERVER_ERROR}
    raise ProbeFailed(kinds.get(answer.status // 100, Reason.UNEXPECTED_STATUS), str(answer.status))


def _newest(links: Any) -> tuple[str, str]:
    """Version and href of the newest NodeInfo that we know."""
    listed = _member(links, "links")
    offered: dict[str, str] = {}
    for link in listed if isinstance(listed, list) else [listed]:
        rel, href = _member(link, "rel"), _member(link, "href")
        if isinstance(rel, str) and isinstance(href, str) and _SCHEMA in rel:
            offered.setdefault(rel.partition(_SCHEMA)[2].rstrip("#/"), href)
    for version in DOCUMENTS:
        if version in offered:
            return version, offered[version]
    raise ProbeFailed(Reason.NO_KNOWN_NODEINFO, ", ".join(offered)[:80])


def _path(session: Session, href: str, base: str) -> str:
    """The document's path; pods behind a proxy often write http:// where they mean themselves."""
    try:
        parts = urlsplit(href)
        is_own = parts.hostname == session.target.host and parts.scheme in ("http", "https")
    except ValueError as error:
        raise ProbeFailed(Reason.NO_KNOWN_NODEINFO, "its link is none") from error
    if is_own and session.target.is_tls:
        # With its host kept: a path may begin with two slashes, as after a base that ends in one.
        own = session.target
        href = parts._replace(scheme=own.scheme, netloc=own.authority).geturl()
    return session.path_here(href, base)


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    """A short line of text."""
    return (shown(value) or None) if isinstance(value, str) else None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    """A count, also where it was written as text or with a fraction of nothing."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _LARGEST_COUNT else None
