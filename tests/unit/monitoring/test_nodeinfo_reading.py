"""NodeInfo that peers really send: read leniently, judged strictly apart."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from monitoring.prober.limits import Limits
from monitoring.prober.nodeinfo import Probe, probe_nodeinfo
from monitoring.prober.nodeinfo_rules import is_strictly_valid
from monitoring.reasons import Reason
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.peer import DOCUMENT, Handler, answering, links, nodeinfo, peer, response

NAME = "pod.lab.test"


def changed(**members: Any) -> dict[str, Any]:
    """The good document with other members; ... leaves one out."""
    document = {**DOCUMENT, **members}
    return {name: value for name, value in document.items() if value is not ...}


def users(total: Any) -> dict[str, Any]:
    return changed(usage={"users": {"total": total}})


def raw(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


@dataclass(frozen=True)
class Case:
    document: bytes | dict[str, Any]
    finds: dict[str, Any] = field(default_factory=dict)


WELL: dict[str, Any] = {
    "software": "diaspora",
    "version": "0.9.1.0",
    "users_total": 2,
    "open_registrations": True,
    "strictly_valid": False,
    "reason": None,
}
NO_COUNT = {"users_total": None}
NOTHING = {
    "software": None,
    "version": None,
    "users_total": None,
    "open_registrations": None,
}
NOT_JSON = {**NOTHING, "reason": Reason.NOT_JSON}
NO_SOFTWARE = {"software": None, "version": None, "reason": Reason.NO_SOFTWARE}

CASES = {
    "good": Case(DOCUMENT, {"strictly_valid": True}),
    "counts absent": Case(changed(usage={"users": {}}), {**NO_COUNT, "strictly_valid": True}),
    "usage missing": Case(changed(usage=...), NO_COUNT),
    "usage null": Case(changed(usage=None), NO_COUNT),
    "usage a list": Case(changed(usage=[]), NO_COUNT),
    "users a list": Case(changed(usage={"users": []}), NO_COUNT),
    "count null": Case(users(None), NO_COUNT),
    "count negative": Case(users(-1), NO_COUNT),
    "count huge": Case(users(10**30), {**NO_COUNT, "strictly_valid": True}),
    "count of 5000 digits": Case(raw(users(7)).replace(b"7}", b"9" * 5000 + b"}"), NO_COUNT),
    "digits in plenty, and no software": Case(
        b'{"usage":{"users":{"total":' + b"9" * 5000 + b"}}}", {**NO_SOFTWARE, **NOTHING}
    ),
    "count in text": Case(users("2"), {}),
    "count in words": Case(users("many"), NO_COUNT),
    "count true": Case(users(True), NO_COUNT),
    "count with a fraction": Case(users(2.5), NO_COUNT),
    "count NaN": Case(raw(users(2)).replace(b"2}", b"NaN}"), NO_COUNT),
    "registrations in text": Case(changed(openRegistrations="yes"), {"open_registrations": None}),
    "unknown protocol": Case(changed(protocols=["carrier-pigeon"]), {}),
    "protocols as in 1.0": Case(changed(protocols={"inbound": [], "outbound": []}), {}),
    "another version inside": Case(changed(version="2.0"), {}),
    "a member too many": Case(changed(extra=1), {}),
    "metadata a list": Case(changed(metadata=[]), {}),
    "software missing": Case(changed(software=...), NO_SOFTWARE),
    "software a list": Case(changed(software=["diaspora"]), NO_SOFTWARE),
    "software without a name": Case(
        changed(software={"version": "1"}), {**NO_SOFTWARE, "version": "1"}
    ),
    "version a number": Case(
        changed(software={"name": "diaspora", "version": 9}), {"version": None}
    ),
    "capitals in the name": Case(
        changed(software={"name": "Diaspora", "version": "0.9.1.0"}), {"software": "Diaspora"}
    ),
    "control characters": Case(
        changed(software={"name": "dia\x1b[31m\nspora", "version": "0.9.1.0"}),
        {"software": "dia[31mspora"},
    ),
    "a long version": Case(
        changed(software={"name": "diaspora", "version": "9" * 5000}),
        {"version": "9" * 128, "strictly_valid": True},
    ),
    "a BOM": Case(b"\xef\xbb\xbf" + raw(DOCUMENT), {}),
    "Latin-1": Case(raw(DOCUMENT).replace(b"alpha", b"caf\xe9"), {}),
    "a key twice": Case(raw(DOCUMENT).replace(b"{", b'{"version": "2.1", ', 1), {}),
    "a list": Case(b"[]", {**NOTHING, "reason": Reason.NO_SOFTWARE}),
    "null": Case(b"null", {**NOTHING, "reason": Reason.NO_SOFTWARE}),
    "HTML": Case(b"<!DOCTYPE html><title>Welcome</title>", NOT_JSON),
    "empty": Case(b"", NOT_JSON),
    "nested deeply": Case(b"[" * 100_000, NOT_JSON),
}


async def look(handler: Handler, authority: Authority) -> Probe:
    async with peer(handler, authority.context()) as port:
        return await probe_nodeinfo(
            f"https://{NAME}:{port}",
            address="127.0.0.1",
            ca_file=authority.ca_file,
            limits=Limits(deadline_seconds=5),
        )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_document(case: Case, authority: Authority) -> None:
    found = await look(nodeinfo(case.document), authority)
    expected = {**WELL, **case.finds}
    assert {name: getattr(found, name) for name in expected} == expected


OFFERS = {
    "the newest known": (links("1.0", "2.0", "2.1", "9.9"), "2.1"),
    "an old one alone": (links("1.0"), "1.0"),
    "a relative link": (links("2.0").replace(b'"/nodeinfo', b'"../nodeinfo'), "2.0"),
    "one object, no list": (b'{"links": ' + links("2.0")[11:-2] + b"}", "2.0"),
    "with http:// where https is meant": (links("2.0", base=f"http://{NAME}"), "2.0"),
    "with two slashes": (links("2.0", base=f"https://{NAME}/"), "2.0"),
    "broken entries beside": (links("2.0").replace(b"[", b'[1, null, {"rel": 1}, ', 1), "2.0"),
}


@pytest.mark.parametrize(("offer", "version"), OFFERS.values(), ids=OFFERS.keys())
async def test_offered_versions(offer: bytes, version: str, authority: Authority) -> None:
    pages = {
        "/.well-known/nodeinfo": response(offer),
        f"/nodeinfo/{version}": response(raw(DOCUMENT)),
        f"//nodeinfo/{version}": response(raw(DOCUMENT)),
    }
    found = await look(answering(pages), authority)
    assert (found.reason, found.nodeinfo, found.software) == (None, version, "diaspora")


@pytest.mark.parametrize(
    "offer",
    [links("9.9"), b"[]", b'{"links": []}', b'{"links": {"rel": "x"}}', b'{"links": null}', b"3"],
)
async def test_nothing_known_on_offer(offer: bytes, authority: Authority) -> None:
    found = await look(answering({"/.well-known/nodeinfo": response(offer)}), authority)
    assert found.reason is Reason.NO_KNOWN_NODEINFO


async def test_html_instead_of_links(authority: Authority) -> None:
    page = response(b"<html></html>", kind="text/html")
    found = await look(answering({"/.well-known/nodeinfo": page}), authority)
    assert found.reason is Reason.NOT_JSON


async def test_one_connection_and_seconds_by_stage(authority: Authority) -> None:
    found = await look(nodeinfo(DOCUMENT), authority)
    assert list(found.seconds) == ["name", "connect", "tls", "discovery", "document", "total"]
    assert all(seconds >= 0 for seconds in found.seconds.values())
    assert found.to_json()["words"] == "fine"


# As a real pod answers (diaspora* 0.9.1.0).
REAL: dict[str, dict[str, Any]] = {
    "1.0": {
        "version": "1.0",
        "software": {"name": "diaspora", "version": "0.9.1.0"},
        "protocols": {"inbound": ["diaspora"], "outbound": ["diaspora"]},
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": True,
        "usage": {
            "users": {"total": 2, "activeHalfyear": 1, "activeMonth": 1},
            "localPosts": 1857,
            "localComments": 0,
        },
        "metadata": {"nodeName": "alpha"},
    },
}
REAL["2.0"] = {**REAL["1.0"], "version": "2.0", "protocols": ["diaspora"]}
REAL["2.1"] = {
    **REAL["2.0"],
    "version": "2.1",
    "software": {
        "name": "diaspora",
        "version": "0.9.1.0",
        "repository": "https://github.com/diaspora/diaspora",
        "homepage": "https://diasporafoundation.org/",
    },
}


@pytest.mark.parametrize("version", REAL)
def test_real_documents_are_strictly_valid(version: str) -> None:
    assert is_strictly_valid(REAL[version], version)
    for other in REAL.keys() - {version}:
        assert not is_strictly_valid(REAL[version], other)
