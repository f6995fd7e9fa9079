"""What a source gives: samples, histograms, peers; and what it raises when it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitoring.board import Histogram, Sample
from monitoring.peers import Peer
from monitoring.pod.places import PodPlace


@dataclass(frozen=True)
class Reading:
    """All that a source says of a pod now; it replaces what the source said before.

    What is not known is left out: it must not be 0.
    """

    samples: Sequence[Sample] = ()
    histograms: Sequence[tuple[Histogram, tuple[str, ...]]] = ()
    # The peers to probe; None: this source knows nothing of peers.
    peers: Sequence[Peer] | None = None
    # What of it could not be read, for the monitor's own journal; never what was read.
    left_out: Sequence[str] = ()


class Unread(Exception):
    """The source could not be read; `samples` are what is certain all the same (`redis_up` 0).

    The text is for the monitor's own journal: it never holds what was read.
    """

    def __init__(self, why: str, samples: Sequence[Sample] = ()) -> None:
        super().__init__(why)
        self.samples = tuple(samples)


Collect = Callable[[PodPlace], Reading]


@dataclass(frozen=True)
class Source:
    """One thing that is read of each pod.

    `begin` is called once a pod, and what it returns is called again and again, each time in a
    thread and never twice at once, so it may keep what it needs (an open file, an offset, totals).
    It may take as long as the deadline says; whatever it raises makes the source absent.
    """

    # The label `source`.
    name: str
    begin: Callable[[], Collect]
    # None: as often as the exporter reads.
    seconds: float | None = None
    deadline_seconds: float = 20.0
