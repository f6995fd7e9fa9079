"""`probe URL`: one server explained in words, and in the shape that other programs read."""

from __future__ import annotations

import asyncio
import json

from monitoring.prober.nodeinfo import probe_nodeinfo
from monitoring.prober.single import probe_lines, probe_once
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.peer import DOCUMENT, nodeinfo, peer

PROMISED = {
    "software": "diaspora",
    "version": "0.9.1.0",
    "users_total": 2,
    "open_registrations": True,
    "strictly_valid": True,
    "reason": None,
}


async def test_good_server(authority: Authority) -> None:
    async with peer(nodeinfo(DOCUMENT), authority.context()) as port:
        found = await asyncio.to_thread(
            probe_once,
            f"https://pod.lab.test:{port}",
            address="127.0.0.1",
            ca_file=authority.ca_file,
        )
    shape = json.loads(json.dumps(found.to_json()))
    assert {name: shape[name] for name in PROMISED} == PROMISED
    assert shape["seconds"]["total"] > 0
    assert "  software       diaspora 0.9.1.0" in probe_lines(found)
    assert any(line.endswith(("in 89 days", "in 90 days")) for line in probe_lines(found))


async def test_private_address_is_explained(authority: Authority) -> None:
    found = await probe_nodeinfo("https://127.0.0.1")
    assert probe_lines(found)[0] == (
        "https://127.0.0.1: the name leads to a private or local address (127.0.0.1)"
    )
    assert json.loads(json.dumps(found.to_json()))["reason"] == "private_address"
