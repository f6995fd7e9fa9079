"""The peers: thousands of rows, chosen and ordered by the query string."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from monitoring.dashboard.choosing import ALL_PODS, PeerChoice, peer_choice
from monitoring.dashboard.freshness import SOURCES, Freshness
from monitoring.dashboard.peers import BUCKETS, PANELS, PeerLine, peer_lines
from monitoring.dashboard.reading import Asking, Reading
from monitoring.dashboard.views.page import Page, shown
from monitoring.dashboard.wording import age, count, duration, reason_words

COLUMNS = {
    "state": "State",
    "peer": "Peer",
    "contacts": "Contacts",
    "reason": "Why",
    "offline": "Offline for",
    "loss": "Until first loss",
    "cutoff": "Until cut off",
    "sends": "Waiting",
    "probed": "Probed",
    "certificate": "Certificate",
}
# In no word of ours.
_APART = "\x1f"
TONES = {
    "current": "good",
    "lagging": "warn",
    "failing": "bad",
    "dead": "bad",
    "unknown": "unknown",
}
# None: nothing to order by, such lines come last.
_KEYS: dict[str, Callable[[PeerLine], Any]] = {
    # What is worst comes first, and among equals what most contacts hang on.
    "state": lambda line: (line.order, -(line.contacts or 0), line.name),
    "peer": lambda line: line.name,
    "contacts": lambda line: line.contacts,
    "reason": lambda line: line.reason,
    "offline": lambda line: None if line.offline_since is None else -line.offline_since,
    "loss": lambda line: line.lost_at,
    "cutoff": lambda line: line.cut_off_at,
    "sends": lambda line: line.sends or None,
    "probed": lambda line: None if line.probed_at is None else -line.probed_at,
    "certificate": lambda line: line.certificate,
}


async def peers(asking: Asking, query: Mapping[str, str]) -> Page:
    choice = peer_choice(query, BUCKETS, COLUMNS)
    reading = await asking.read("pods", *SOURCES, *PANELS, pod=choice.pod or ALL_PODS)
    known = peer_lines(reading)
    kept = _kept(known, choice)
    return shown(
        "peers.html",
        "Peers",
        "/peers",
        reading,
        choice=choice,
        pods=sorted({key[0] for key in reading.values("pods")}),
        buckets=_buckets(known),
        columns=_heads(choice),
        tones=TONES,
        rows=[_html(line.bucket, _row(line, reading)) for line in kept],
        total=len(known),
        warnings=_warnings(Freshness(reading)),
    )


def _kept(known: Sequence[PeerLine], choice: PeerChoice) -> list[PeerLine]:
    text = choice.text.lower()
    kept = [
        line
        for line in known
        if (choice.bucket is None or line.bucket == choice.bucket) and text in line.name.lower()
    ]
    return _ordered(sorted(kept, key=lambda line: line.name), choice)


def _ordered(kept: Sequence[PeerLine], choice: PeerChoice) -> list[PeerLine]:
    key = _KEYS[choice.sort]
    keyed = [(key(line), line) for line in kept]
    known = [(value, line) for value, line in keyed if value is not None]
    known.sort(key=lambda pair: pair[0], reverse=choice.is_descending)
    return [line for _, line in known] + [line for value, line in keyed if value is None]


def _buckets(known: Sequence[PeerLine]) -> list[tuple[str, str, int, float]]:
    """Each bucket's key, words, peers and contacts."""
    peers = Counter(line.bucket for line in known)
    contacts: Counter[str] = Counter()
    for line in known:
        contacts[line.bucket] += int(line.contacts or 0)
    return [(key, words, peers[key], contacts[key]) for key, words in BUCKETS.items()]


def _heads(choice: PeerChoice) -> list[tuple[str, str, str]]:
    """Words, the link that orders by this column, and what aria-sort says."""
    heads = []
    for key, words in COLUMNS.items():
        is_this = choice.sort == key
        order = "asc" if is_this and choice.is_descending else "desc" if is_this else "asc"
        sorted_so = "descending" if choice.is_descending else "ascending"
        heads.append((words, choice.link(sort=key, order=order), sorted_so if is_this else "none"))
    return heads


def _row(line: PeerLine, reading: Reading) -> tuple[str, ...]:
    """The cells of COLUMNS in words."""
    now = reading.now
    return (
        BUCKETS[line.bucket],
        line.name.replace(_APART, " "),
        _number(line.contacts),
        _why(line),
        "" if line.offline_since is None else duration(max(1, now - line.offline_since)),
        _until(line.lost_at, now, "being lost"),
        _until(line.cut_off_at, now, "cut off"),
        _number(line.sends) if line.sends else "",
        "never" if line.probed_at is None else _probed(line, now),
        "" if line.certificate is None else _until(line.certificate, now, "ended"),
    )


def _html(bucket: str, cells: tuple[str, ...]) -> Markup:
    """A row, escaped as one text: 20,000 cells, each by itself, take longer than all else."""
    state, peer, *rest = str(escape(_APART.join(cells))).split(_APART)
    start = f'<tr><td class="{bucket}">{state}<th scope="row">{peer}<td>'
    return Markup(start + "<td>".join(rest))


def _number(value: float | None) -> str:
    return "" if value is None else count(value)


def _why(line: PeerLine) -> str:
    if line.reason is not None:
        return reason_words(line.reason)
    if line.bucket in ("failing", "dead"):
        return "the pod's own deliveries fail"
    return "deliveries wait" if line.bucket == "lagging" else ""


def _until(when: float | None, now: float, past: str) -> str:
    if when is None:
        return ""
    return past if when <= now else duration(when - now)


def _probed(line: PeerLine, now: float) -> str:
    assert line.probed_at is not None
    words = age(line.probed_at, now)
    return f"stale: {words}" if line.is_stale else words


def _warnings(freshness: Freshness) -> list[str]:
    """What is old or missing: the rows cannot tell it themselves."""
    found = [f"The monitor of host {host} does not answer." for host in freshness.silent_hosts()]
    for host, source, pod, fresh in freshness.rows():
        if source in ("probe", "database") and fresh.words:
            whose = f"of {pod} " if pod else ""
            found.append(f"The source {source} {whose}on host {host} is {fresh.words}.")
    return found
