"""Reads every source of every pod of this host, again and again, and publishes what it says.

Each reading has a thread and a deadline of its own: whatever hangs, hangs alone. A source that is
late is absent until its thread comes back; so long no second one is begun.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitoring.board import Board, Sample
from monitoring.peers import Peers
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Collect, Source, Unread
from monitoring.pod.sources import SOURCES

READ_SECONDS = 30.0
# Readings begin one after the other, so that a host with many pods is not busy all at once.
_APART_SECONDS = 0.2


@dataclass
class Reader:
    """One source of one pod, and what it said last of what it could not read."""

    place: PodPlace
    source: Source
    collect: Collect
    said: str = ""

    def say(self, what: str) -> None:
        """Into the journal, once: not again each time that it is still so."""
        if what != self.said:
            shown = what or "read again"
            print(f"{self.place.name}: {self.source.name}: {shown}", file=sys.stderr, flush=True)
        self.said = what


async def run(
    pods: Sequence[PodPlace],
    board: Board,
    peers: Peers,
    *,
    seconds: float = READ_SECONDS,
    sources: Sequence[Source] = SOURCES,
) -> None:
    """Never returns; the first readings begin at once, one shortly after the other."""
    readers = [Reader(place, source, source.begin()) for place in pods for source in sources]
    apart = min(_APART_SECONDS, seconds / (len(readers) or 1))
    async with asyncio.TaskGroup() as tasks:
        for place, reader in enumerate(readers):
            tasks.create_task(_keep_reading(reader, board, peers, seconds, place * apart))
        # Without any pod there is nothing to read, and still nothing to return.
        await asyncio.Event().wait()


async def _keep_reading(
    reader: Reader, board: Board, peers: Peers, seconds: float, first: float
) -> None:
    period = reader.source.seconds or seconds
    due = time.monotonic() + first
    while True:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await read_once(reader, board, peers)
        # What took long does not make up for it: the next reading is the next one due.
        due += period * max(1, -(-(time.monotonic() - due) // period))


async def read_once(reader: Reader, board: Board, peers: Peers) -> None:
    """One reading, published; past its deadline the source is absent, and its thread waited for.

    Of a pod that is declared and not launched, or was retired, nothing is said: nobody misses it.
    """
    if not reader.place.is_there:
        board.forget(reader.source.name, pod=reader.place.name)
        peers.learn(reader.place.name, ())
        return
    is_late = threading.Event()
    ended = _in_thread(lambda: _read(reader, board, peers, is_late), reader)
    deadline = reader.source.deadline_seconds
    done, _ = await asyncio.wait([ended], timeout=deadline)
    if not done:
        is_late.set()
        board.fail(reader.source.name, pod=reader.place.name)
        reader.say(f"not read in {deadline:g} s")
    # Not a second thread while the first one hangs.
    await ended


def _read(reader: Reader, board: Board, peers: Peers, is_late: threading.Event) -> None:
    """In a thread: rendering what was read takes its time, too."""
    name, pod = reader.source.name, reader.place.name
    began = time.monotonic()
    try:
        reading = reader.collect(reader.place)
        if is_late.is_set():
            return
        seconds = time.monotonic() - began
        histograms = reading.histograms
        board.publish(name, reading.samples, pod=pod, histograms=histograms, seconds=seconds)
        if reading.peers is not None:
            peers.learn(pod, reading.peers)
        reader.say("; ".join(reading.left_out))
    except Unread as error:
        _fail(reader, board, str(error), error.samples)
    except Exception as error:  # noqa: BLE001  # one source never ends the others
        # Its text may quote what was read: its kind is enough.
        _fail(reader, board, type(error).__name__)


def _fail(reader: Reader, board: Board, why: str, samples: Sequence[Sample] = ()) -> None:
    board.fail(reader.source.name, pod=reader.place.name, samples=samples)
    reader.say(why)


def _in_thread(work: Callable[[], None], reader: Reader) -> asyncio.Future[None]:
    """Done when it has ended; the thread does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def settle() -> None:
        if not ended.done():
            ended.set_result(None)

    def call() -> None:
        try:
            work()
        finally:
            # The loop is closed where the process ends meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle)

    name = f"{reader.source.name}-{reader.place.name}"
    threading.Thread(target=call, name=name, daemon=True).start()
    return ended
