"""The sentences above the overview: which pod fails to reach whom, since when, and why.

The first one is the worst. Where nothing fails, one sentence says so, and where nothing is known,
that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, permutations

from monitoring.dashboard import links
from monitoring.dashboard.cells import Tone
from monitoring.dashboard.flights import Flight, flights, pods_of
from monitoring.dashboard.freshness import Freshness
from monitoring.dashboard.reading import Reading
from monitoring.dashboard.wording import age, clock_time, duration, listing, percent, reason_words

NEEDED = ("pods", "up", "down_reason", "last_up", "closed", "reach")
# FEDERATION.md: failing to a fifth of the peers, by weight, is worth waking somebody.
LEAST_REACH = 0.8


@dataclass(frozen=True)
class Headline:
    """One sentence, where the runbook says what to do, and which pods it is about."""

    tone: Tone
    text: str
    link: str = ""
    pods: frozenset[str] = frozenset()


def headlines(reading: Reading, freshness: Freshness) -> list[Headline]:
    """The worst first; never empty."""
    flown = flights(reading)
    stale = [one for one in flown if one.is_stale]
    bad = [one for one in flown if not one.is_good and not one.is_stale]
    down = [name for name, is_up in sorted(reading.by("up").items()) if not is_up]
    found: list[Headline] = [
        *(_down(reading, name, bad) for name in down),
        *_failing(reading, [one for one in bad if one.receiver not in down]),
        *_silent(reading, freshness),
        *_unseen(reading, freshness),
        *_grounded(reading, stale),
        *_out_of_reach(reading),
        *_unflown(reading, flown, down),
    ]
    found.sort(key=lambda one: one.tone != "bad")
    return found or [_all_well(reading, flown)]


def _since(reading: Reading, last_good: Sequence[float | None]) -> str:
    """Since when, told by when it was last well."""
    known = [when for when in last_good if when is not None]
    if not known:
        return "(not once within the last day)"
    oldest = min(known)
    passed = age(oldest, reading.now).removesuffix(" ago")
    return f"since {clock_time(oldest, reading.now)} ({passed})"


def _down(reading: Reading, name: str, bad: Sequence[Flight]) -> Headline:
    """A pod that cannot be used, and who misses it."""
    if reading.by("closed").get(name):
        closed = f"{name} is closed for maintenance."
        return Headline("warn", closed, links.runbook(links.POD_CLOSED), frozenset({name}))
    reason = reason_words(reading.chosen("down_reason").get((name,)))
    senders = [one.sender for one in bad if one.receiver == name]
    missed = f", and {_do(senders)} not reach it," if senders else ""
    since = _since(reading, [reading.by("last_up").get(name)])
    text = f"{name} cannot be used from outside{missed} {since}: {reason}."
    return Headline("bad", text, links.runbook(links.POD_DOWN), frozenset({name, *senders}))


def _do(names: Sequence[str]) -> str:
    return f"{listing(names)} {'does' if len(names) == 1 else 'do'}"


def _failing(reading: Reading, bad: Sequence[Flight]) -> list[Headline]:
    """Pairs that fail alike are one sentence: by receiver, or else by sender."""
    groups: dict[tuple[str, str, str | None, bool], list[Flight]] = {}
    receivers = {one.receiver for one in bad}
    by_sender = len({one.sender for one in bad}) < len(receivers)
    for one in bad:
        end = one.sender if by_sender else one.receiver
        key = (end, one.state, one.reason, one.is_stuck)
        groups.setdefault(key, []).append(one)
    found = [_group(reading, group) for group in groups.values()]
    return sorted(found, key=lambda one: ("bad", "warn").index(one.tone))


def _group(reading: Reading, group: Sequence[Flight]) -> Headline:
    first = group[0]
    senders = sorted({one.sender for one in group})
    receivers = listing(sorted({one.receiver for one in group}))
    pods = _ends(group)
    since = _since(reading, [one.last_good for one in group])
    reason = reason_words(first.reason)
    link = links.runbook(links.CANARY_LOST)
    if first.state == "lost":
        return Headline(
            "bad", f"{_do(senders)} not reach {receivers} {since}: {reason}.", link, pods
        )
    if first.state == "unknown":
        reach = "reaches" if len(senders) == 1 else "reach"
        text = f"Whether {listing(senders)} {reach} {receivers} is not known {since}: {reason}."
        return Headline("warn", text, link, pods)
    if first.is_stuck:
        text = f"{receivers} kept what {listing(senders)} took back: {reason}."
        return Headline("warn", text, links.runbook(links.RETRACTION), pods)
    slowest = max((one.arrival or 0 for one in group), default=0)
    text = f"What {listing(senders)} posts reaches {receivers} late"
    return Headline("warn", f"{text}: after {duration(slowest)}.", link, pods)


def _ends(group: Sequence[Flight]) -> frozenset[str]:
    return frozenset(pods_of(group))


def _silent(reading: Reading, freshness: Freshness) -> list[Headline]:
    at_home = [(host, name) for name, _, _, host in reading.values("pods")]
    return [
        Headline(
            "bad",
            f"The monitor of host {host} does not answer: what it tells is missing here.",
            links.runbook(links.HOST_SILENT),
            frozenset(name for where, name in at_home if where == host),
        )
        for host in freshness.silent_hosts()
    ]


def _unseen(reading: Reading, freshness: Freshness) -> list[Headline]:
    """Pods that should have been looked at from outside anew long ago."""
    return [
        Headline(
            "warn",
            f"Whether {pod} can be used is not known: the look from outside is {fresh.words}.",
            links.runbook(links.OUTSIDE_STALE),
            frozenset({pod}),
        )
        for pod in sorted(reading.by("up"))
        if (fresh := freshness.of("outside", pod)).words
    ]


def _grounded(reading: Reading, stale: Sequence[Flight]) -> list[Headline]:
    """Flights that should have been made anew long ago."""
    if not stale:
        return []
    last = max(one.at or 0 for one in stale)
    pairs = listing([f"{one.sender} to {one.receiver}" for one in stale])
    text = f"No canary has flown from {pairs} since {clock_time(last, reading.now)}"
    return [Headline("warn", f"{text}: what is shown of it is old.",
                     links.runbook(links.CANARY_STALE), _ends(stale))]  # fmt: skip


def _out_of_reach(reading: Reading) -> list[Headline]:
    return [
        Headline(
            "bad",
            f"{pod} reaches only {percent(share)} of its peers, by weight of contacts.",
            links.runbook(links.PEERS_FAIL),
            frozenset({pod}),
        )
        for pod, share in sorted(reading.by("reach").items())
        if share <= LEAST_REACH
    ]


def _unflown(reading: Reading, flown: Sequence[Flight], down: Sequence[str]) -> list[Headline]:
    """Pairs of which no canary tells anything, though others' canaries fly."""
    names = [name for name in sorted(reading.by("up")) if name not in down]
    told = {(one.sender, one.receiver) for one in flown}
    missing = [pair for pair in permutations(names, 2) if pair not in told] if told else []
    if not missing:
        return []
    pairs = listing([f"{sender} to {receiver}" for sender, receiver in missing])
    text = f"No canary has flown yet from {pairs}: whether posts arrive there is not known."
    link = links.runbook(links.CANARY_PAIRS_MISSING)
    return [Headline("unknown", text, link, frozenset(chain.from_iterable(missing)))]


def _all_well(reading: Reading, flown: Sequence[Flight]) -> Headline:
    if reading.troubles:
        return Headline("unknown", "What could be read is well; the rest is not known.")
    pods = pods_of(flown)
    if pods:
        last = max((one.at or 0 for one in flown), default=0)
        seen = f"the last canary flew at {clock_time(last, reading.now)}" if last else ""
        text = f"{listing(pods)} reach one another: {seen or 'every canary arrived'}."
        return Headline("good", text, pods=frozenset(pods))
    up = reading.by("up")
    names = {key[0] for key in reading.values("pods")} | {*up}
    if len(names) == 1 and up:
        (alone,) = names
        text = f"{alone} can be used from outside. It is the fleet's only pod, so no canary flies"
        words = "its deliveries and peers tell whether posts arrive"
        return Headline("good", f"{text}: {words}.", pods=frozenset(names))
    if up:
        words = "Every pod can be used from outside; no canary has flown, so whether posts arrive"
        return Headline("unknown", f"{words} is not known.", links.runbook(links.CANARY_STALE))
    return Headline("unknown", "Nothing has been measured yet.")
