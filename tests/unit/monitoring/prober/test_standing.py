"""When a peer is worth another look, and what counts as a release."""

from __future__ import annotations

import pytest

from monitoring.peers import Peer
from monitoring.prober.standing import Outcome, Standing, Standings
from monitoring.reasons import Reason
from monitoring.versions import release_number

DAY = 86400.0
NOW = 1_800_000_000.0
HOST = "pod.example.org"

PAUSES = {
    "well": (None, None, (0, 0)),
    "failing since today": (Reason.REFUSED, NOW - DAY, (0, 0)),
    "failing for three days": (Reason.REFUSED, NOW - 3 * DAY, (0.8 * 3600, 3600)),
    "failing for a month": (Reason.REFUSED, NOW - 30 * DAY, (0.8 * 6 * 3600, 6 * 3600)),
    "well, though its pod thinks otherwise": (None, NOW - 30 * DAY, (0, 0)),
    "unknown, for we have no way": (Reason.NO_ROUTE, NOW - 30 * DAY, (0, 0)),
}


@pytest.mark.parametrize(("reason", "since", "pause"), PAUSES.values(), ids=PAUSES.keys())
def test_the_dead_are_asked_less_often(
    reason: Reason | None, since: float | None, pause: tuple[float, float]
) -> None:
    standing = Standing(Peer(HOST, offline_since=since))
    standing.learn(Outcome(NOW, reason), now=1000.0)
    least, most = pause
    assert least <= max(standing.not_before - 1000.0, 0.0) <= most


def test_what_we_saw_fail_ourselves_counts_as_well() -> None:
    standing = Standing(Peer(HOST))
    standing.learn(Outcome(NOW, Reason.REFUSED), now=0.0)
    standing.learn(Outcome(NOW + 3 * DAY, Reason.REFUSED), now=3 * DAY)
    assert standing.not_before > 3 * DAY
    standing.learn(Outcome(NOW + 4 * DAY, None), now=4 * DAY)
    assert (standing.not_before, standing.failing_since) == (0, None)


def test_who_is_due_and_who_is_forgotten() -> None:
    standings = Standings(most=2)
    peers = [Peer(f"{number}.example.org", contacts=number) for number in range(9)]
    standings.meet(peers)
    assert [each.peer.contacts for each in standings.due(0.0)] == [8, 7, 6, 5]
    assert [each.peer.contacts for each in standings.named()] == [8, 7]
    assert [each.peer.contacts for each in standings.others()] == [6, 5]
    heaviest = standings.due(0.0)[0]
    heaviest.learn(Outcome(NOW, Reason.REFUSED), now=0.0)
    heaviest.not_before = 100.0
    standings.meet(peers[:-2] + peers[-1:])
    assert [each.peer.contacts for each in standings.due(50.0)] == [6, 5, 4]
    assert len(standings.due(100.0)) == 4
    assert heaviest not in standings.newcomers()


RELEASES = {
    "0.9.1.0": 9001000,
    "0.9.1.0-p1a2b3c4d": 9001000,
    "v0.7.18.2": 7018002,
    "1.0.0": 1000000000,
    "0.9.99.0": None,
    "0.9.99.0-pabcdef": None,
    "0.10.0-dev": None,
    "0.10.0.0-dev-p1a2b3c4d": None,
    "0.9.0.0.rc2": None,
    "head": None,
    "": None,
    "9999.1.1.1": None,
    "0.9.1.0.5": None,
    "٠.٩.١.٠": None,
}


@pytest.mark.parametrize(("version", "number"), RELEASES.items())
def test_releases_as_numbers(version: str, number: int | None) -> None:
    assert release_number(version) == number
