"""The load itself: requests fall due by the clock, whether the ones before are answered or not."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tests.load.asking import MIX, Ask, Questions, guid_in
from tests.load.http1 import Answer, Http1Client
from tests.load.http2 import Http2Client
from tests.load.record import Log, Record, now
from tests.load.target import Target

# Of each 20 requests the HTTP/2 client has two.
HTTP2_SHARE = 2 / 20
# As many as fall due while a pod holds requests for two seconds; more would wait for a free one,
# and their time counts from when they were due.
CLIENTS = 40
TRICKLE_SECONDS = 3.0


class Client(Protocol):
    """A connection, of whichever protocol."""

    def ask(self, ask: Ask) -> Answer: ...

    def close(self) -> None: ...


@dataclass
class Load:
    """`rate` requests a second in all, and beside them `trickles` uploads on their way always."""

    target: Target
    questions: Questions
    log: Log
    rate: float = 20.0
    trickles: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    _due: queue.SimpleQueue[tuple[float, str] | None] = field(default_factory=queue.SimpleQueue)

    def run(self) -> None:
        """Until `stopped` is set; then what is under way still ends."""
        works: list[Callable[[], None]] = [self._pace, self._http2]
        works += [self._answer_questions] * CLIENTS
        works += [self._trickle] * self.trickles
        threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _pace(self) -> None:
        interval = 1 / (self.rate * (1 - HTTP2_SHARE))
        kinds = itertools.cycle(MIX)
        due = now()
        while not self.stopped.wait(max(0.0, due - now())):
            self._due.put((due, next(kinds)))
            due += interval
        for _ in range(CLIENTS):
            self._due.put(None)

    def _answer_questions(self) -> None:
        client = Http1Client(self.target)
        # What is still due when the load ends is nobody's request any more.
        while (item := self._due.get()) is not None and not self.stopped.is_set():
            due, kind = item
            self._ask(client, self.questions.of(kind), due)
        client.close()

    def _http2(self) -> None:
        client = Http2Client(self.target)
        interval = 1 / (self.rate * HTTP2_SHARE)
        asks = itertools.cycle([self.questions.get, self.questions.post])
        due = now()
        while not self.stopped.wait(max(0.0, due - now())):
            self._ask(client, next(asks)("http2"), due)
            # One after the other: what it could not ask while it waited was not asked.
            due = max(due + interval, now())
        client.close()

    def _trickle(self) -> None:
        client = Http1Client(self.target)
        while not self.stopped.is_set():
            self._ask(client, self.questions.upload("trickle", TRICKLE_SECONDS), now())
        client.close()

    def _ask(self, client: Client, ask: Ask, due: float) -> None:
        start = now()
        answer = client.ask(ask)
        end = now()
        made = guid_in(answer.body) if ask.method == "POST" else None
        if ask.path == "/" and answer.status == 200:
            self.questions.seen(answer.body)
        record = Record(
            ask.kind,
            ask.method,
            ask.path,
            due,
            start,
            end,
            answer.status,
            answer.error,
            made,
            ask.spread_seconds,
        )
        self.log.add(record)
        if record.has_failed:
            # A pod that refuses at once is not asked more often than one that answers.
            time.sleep(0.05)
