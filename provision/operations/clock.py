"""A client's watch over a switch: for how long a pod was closed, as somebody over TLS saw it.

One visitor asks again and again, over one connection. Closed is what lies between the beginning of
the first request that was held or refused and the end of the first that was answered after it.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from provision.contract import CA_BUNDLE

TARGET = "/.well-known/nodeinfo"
PAUSE_SECONDS = 0.01
# A request that takes this much longer than such requests usually do was held.
HELD_TIMES, HELD_SECONDS = 5.0, 0.2
_FIRST_ANSWER_SECONDS = 15.0
_REQUEST_SECONDS = 90.0
# So long a closing that goes on is watched after `stop`.
_REOPENING_SECONDS = 20.0
_REMEMBERED = 200

Ask = Callable[[], bool]


class Reading:
    """Folds a client's requests, one after the other, into what it saw; it keeps no list."""

    def __init__(self) -> None:
        self.asked = self.failed = 0
        self.slowest = self.closed = 0.0
        self.closed_since: float | None = None
        self._usual: deque[float] = deque(maxlen=_REMEMBERED)

    def note(self, began: float, ended: float, is_answered: bool) -> None:
        """One request, from when to when, and whether the pod answered it."""
        self.asked += 1
        self.failed += not is_answered
        took = ended - began
        if not is_answered:
            self.closed_since = began if self.closed_since is None else self.closed_since
            return
        if self.asked == 1:
            # From before the switch: it shook hands, and waited for whatever the pod did then.
            return
        self.slowest = max(self.slowest, took)
        if self.closed_since is not None or took > self._held_from():
            since = began if self.closed_since is None else self.closed_since
            self.closed, self.closed_since = max(self.closed, ended - since), None
        else:
            self._usual.append(took)

    def _held_from(self) -> float:
        usual = statistics.median(self._usual) if self._usual else 0.0
        return max(HELD_SECONDS, HELD_TIMES * usual)


class ClientClock:
    """Start it before the pod closes, stop it once it is open: `stop` waits for the first answer.

    A closing that never ends counts until the watch gives up.
    """

    def __init__(
        self, domain: str, *, ask: Ask | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.reading = Reading()
        self._ask, self._now = ask or Visitor(domain).is_answered, now
        self._answered, self._stopping = threading.Event(), threading.Event()
        self._gave_up = False
        self._thread = threading.Thread(target=self._watch, name="client clock", daemon=True)

    def start(self) -> None:
        """Returns once a first request was answered, so that what follows can be told from it."""
        self._thread.start()
        self._answered.wait(_FIRST_ANSWER_SECONDS)

    def stop(self) -> None:
        """Lets the request under way end, and a closing that goes on, for some time."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_REOPENING_SECONDS)
        self._gave_up = True

    def closed_seconds(self) -> float:
        """The longest closing; 0 where no request was held or refused."""
        since = self.reading.closed_since
        still = self._now() - since if since is not None else 0.0
        return round(max(self.reading.closed, still), 3)

    def to_json(self) -> dict[str, Any]:
        return {
            "closed_seconds": self.closed_seconds(),
            "slowest_seconds": round(self.reading.slowest, 3),
            "asked": self.reading.asked,
            "failed": self.reading.failed,
        }

    def _watch(self) -> None:
        while not self._is_over():
            began = self._now()
            is_answered = self._ask()
            self.reading.note(began, self._now(), is_answered)
            if is_answered:
                self._answered.set()
            time.sleep(PAUSE_SECONDS)

    def _is_over(self) -> bool:
        is_open = self.reading.closed_since is None
        return self._gave_up or (self._stopping.is_set() and is_open)


class Visitor:
    """Asks nginx on this very host, by the pod's public name, over a connection that it keeps."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._context = ssl.create_default_context(cafile=str(CA_BUNDLE))
        self._connection: http.client.HTTPConnection | None = None

    def is_answered(self) -> bool:
        """One request; an idle connection that was closed just then is no failure of the pod's."""
        is_reused = self._connection is not None
        try:
            return self._get() == 200
        except (OSError, http.client.HTTPException) as error:
            self._hang_up()
            is_idle = isinstance(error, (http.client.RemoteDisconnected, ConnectionResetError))
            return is_reused and is_idle and self.is_answered()

    def _get(self) -> int:
        if self._connection is None:
            self._connection = _Loopback(self._domain, self._context)
        self._connection.request("GET", TARGET, headers={"User-Agent": "podfleet"})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def _hang_up(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None


class _Loopback(http.client.HTTPConnection):
    def __init__(self, domain: str, context: ssl.SSLContext) -> None:
        super().__init__(domain, timeout=_REQUEST_SECONDS)
        self._context = context

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", 443), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)
