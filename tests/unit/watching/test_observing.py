"""The tunnel to the dashboard: who answers at its near end, and how it says that it has ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import PurePosixPath
from socket import create_server
from types import SimpleNamespace

import pytest

from provision import observing
from provision.errors import Refusal
from provision.fleet.model import Fleet
from provision.report import Silent

# In ssh's place: listens as it would, then its connection breaks.
_TUNNEL = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    listener.accept()
sys.exit("Timeout, server one not responding.")
"""


class _Connection:
    """A host that has a dashboard."""

    def run(self, argv: Sequence[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 0)

    def tunnel_argv(self, port: int, remote: PurePosixPath) -> list[str]:
        return [sys.executable, "-c", _TUNNEL, str(port)]


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.setattr(observing, "connect", lambda *_: _Connection())
    one = SimpleNamespace(name="one")
    return SimpleNamespace(hosts={"one": one}, monitoring=SimpleNamespace(host="one"))  # type: ignore[return-value]


def test_a_port_that_somebody_has_is_refused_and_not_shown_as_ours(fleet: Fleet) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        shown = observing.dashboard(fleet, Silent(), port)
        with pytest.raises(Refusal, match=r"in use\. Choose another --port, or none"), shown:
            pytest.fail("another program's port was shown as the dashboard's")


def test_a_tunnel_that_breaks_says_so(fleet: Fleet) -> None:
    with observing.dashboard(fleet, Silent()) as (url, tunnel):
        assert url.startswith("http://127.0.0.1:")
        with pytest.raises(Refusal, match=r"host one: .* broke off: Timeout, server one not resp"):
            observing.await_end("one", tunnel)
