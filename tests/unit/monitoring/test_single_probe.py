"""`probe URL`: one server explained in words, and in the shape that other programs read."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time

import pytest

from monitoring.prober.nodeinfo import probe_nodeinfo
from monitoring.prober.single import probe_lines, probe_once
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.peer import DOCUMENT, answering, links, nodeinfo, peer, response

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


# Turns a terminal's letters red (twice), breaks a line, turns the writing round, and half a
# character.
RUDE = "\x1b[31m\x9b31m\n\u202e\ud800"


@pytest.mark.parametrize(
    ("offer", "said"),
    [
        (links(f"9.9{RUDE}"), "9.9[31m31m"),
        (links("2.1", base=f"https://rude{RUDE.replace('[', '')}.example"), "rude31m31m.example"),
    ],
    ids=["a version", "a host"],
)
async def test_a_strangers_words_do_nothing_to_who_reads_them(
    offer: bytes, said: str, authority: Authority
) -> None:
    pages = {"/.well-known/nodeinfo": response(offer)}
    async with peer(answering(pages), authority.context()) as port:
        found = await probe_nodeinfo(
            f"https://pod.lab.test:{port}", address="127.0.0.1", ca_file=authority.ca_file
        )
    assert said in found.detail
    assert all(line.isprintable() for line in probe_lines(found))
    assert json.dumps(found.to_json(), ensure_ascii=False).encode()


# Name servers that stay silent for long after the deadline.
SILENT_NAMES = """
import socket, time
socket.getaddrinfo = lambda *asked, **more: time.sleep(60)
from monitoring.prober.limits import Limits
from monitoring.prober.nodeinfo import probe
print(probe("https://pod.example.org", limits=Limits(deadline_seconds=1.0)).reason)
"""


def test_silent_name_servers_do_not_keep_the_process_past_its_deadline() -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-P", "-c", SILENT_NAMES],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("name_timed_out\n", "")
    assert time.monotonic() - started < 30
