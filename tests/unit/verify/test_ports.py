"""The look from outside sees a port that answers, and none that does not."""

from __future__ import annotations

import socket

from provision.verify.ports import answering_ports


def test_open_and_closed_ports() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        is_open, is_closed = listening.getsockname()[1], bound.getsockname()[1]
        found = answering_ports(["127.0.0.1"], [is_open], likely=[is_closed])
    assert found == {"127.0.0.1": frozenset({is_open})}
