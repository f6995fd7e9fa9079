"""`peers`: a pod's table, its waiting deliveries and our probes become buckets, hours and words."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitoring import metrics
from monitoring.board import Board, Sample
from monitoring.peers import Peer
from monitoring.prober import told
from monitoring.prober.standing import Outcome, Standings
from monitoring.reasons import Reason
from monitoring.serving import serve
from monitoring.state import write_state
from provision import watching
from provision.errors import Refusal
from provision.peers import PodPeers, peers_json, pod_peers
from provision.report import Lines, Silent
from provision.series import Series
from provision.watching import Told, read_told
from tests.unit.watching.here import here

NOW = time.time()
HOUR, DAY = 3600.0, 86400.0


def of(peer: str, contacts: float, **values: float) -> list[Sample]:
    """What the exporter says of a peer of alpha's."""
    by_name = {
        "offline_since": metrics.PEER_OFFLINE_SINCE,
        "cut_off_at": metrics.PEER_CUT_OFF_AT,
        "lost_at": metrics.PEER_LOST_AT,
        "sends": metrics.PEER_SENDS,
    }
    said = [(by_name[name], ("alpha", peer), value) for name, value in values.items()]
    return [(metrics.PEER_CONTACTS, ("alpha", peer), contacts), *said]


SAMPLES = [
    *of("fine.example.org", 60),
    *of("slow.example.org", 20, sends=3, lost_at=NOW + 10 * HOUR),
    *of("just-failed.example.org", 5, sends=1, lost_at=NOW + 16.8 * HOUR),
    *of(
        "refused.example.org",
        10,
        offline_since=NOW - 5 * HOUR,
        cut_off_at=NOW - 5 * HOUR + 14 * DAY,
        sends=2,
        lost_at=NOW + 12 * HOUR,
    ),
    *of("gone.example.org", 4, offline_since=NOW - 3 * DAY, cut_off_at=NOW + 11 * DAY),
    *of("believed-gone.example.org", 1, offline_since=NOW - HOUR, cut_off_at=NOW + 13 * DAY),
    *of("new.example.org", 100),
]
PROBES = {
    "fine.example.org": None,
    "slow.example.org": None,
    "just-failed.example.org": None,
    "refused.example.org": Reason.REFUSED,
    "gone.example.org": Reason.NAME_UNRESOLVED,
    "believed-gone.example.org": None,
}

STALE = [{"peer": name, "reason": None, "at": NOW - 3700} for name in PROBES]


@contextmanager
def monitor(state: Path) -> Iterator[tuple[Board, str]]:
    """A monitor's board, served, and its prober's state beside it."""
    board = Board()
    server = serve(board, "127.0.0.1", 0)
    standings = Standings(100)
    standings.meet(Peer(name) for name in PROBES)
    for standing in standings.named():
        standing.learn(Outcome(NOW - 60, PROBES[standing.peer.host]), 0.0)
    write_state(state, "peers", told.state(standings, NOW))
    try:
        yield board, f"http://127.0.0.1:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watching, "MONITOR_STATE", tmp_path)
    return tmp_path


@pytest.fixture
def alpha(state: Path) -> PodPeers:
    with monitor(state) as (board, url):
        board.publish("database", SAMPLES, pod="alpha")
        board.publish("database", of_beta(), pod="beta")
        return pod_peers("alpha", "one", read_told(here(state), Silent(), 300, url))


def of_beta() -> list[Sample]:
    return [(metrics.PEER_CONTACTS, ("beta", "else.example.org"), 1)]


EXPECTED = [
    ("gone.example.org", "dead", "the name does not resolve"),
    ("refused.example.org", "failing", "the connection was refused: nothing listens there"),
    (
        "believed-gone.example.org",
        "failing",
        "the pod holds it to be offline, though it answers our probe",
    ),
    ("slow.example.org", "lagging", "deliveries to it have waited for more than ten minutes"),
    ("new.example.org", "unknown", "not probed yet"),
    ("fine.example.org", "current", "fine"),
    ("just-failed.example.org", "current", "fine"),
]


def test_buckets_the_worst_first_with_words(alpha: PodPeers) -> None:
    assert alpha.error is None
    assert [(each.peer, str(each.bucket), each.words) for each in alpha.peers] == EXPECTED


def test_promised_shape(alpha: PodPeers) -> None:
    (pod,) = json.loads(json.dumps(peers_json([alpha])))["pods"]
    assert (pod["pod"], pod["host"], pod["error"]) == ("alpha", "one", None)
    assert pod["buckets"] == {"dead": 1, "failing": 2, "lagging": 1, "unknown": 1, "current": 2}
    # 85 of 100 contacts of which anything is known.
    assert pod["reach"] == 0.85
    refused = pod["peers"][1]
    assert refused["reason"] == "refused" and refused["contacts"] == 10
    assert refused["waiting"] == 2
    assert refused["offline_since"].endswith("+00:00")
    # The clock goes on while other tests run.
    assert refused["hours_until_loss"] == pytest.approx(12, abs=0.3)
    assert refused["hours_until_cut_off"] == pytest.approx(14 * 24 - 5, abs=0.3)
    fine = pod["peers"][-2]
    assert fine["hours_until_loss"] is fine["hours_until_cut_off"] is fine["waiting"] is None


def test_lines_for_reading(alpha: PodPeers) -> None:
    lines = alpha.lines()
    assert lines[0] == (
        "pod alpha: 1 dead, 2 failing, 1 lagging, 1 unknown, 2 current; "
        "85.0% of its users' contacts are reached"
    )
    assert lines[1].split()[:3] == ["PEER", "BUCKET", "CONTACTS"]
    assert re.search(r" 1[12]\.\d h +13\.[78] d ", lines[3])


def test_a_database_that_is_away_is_said_and_not_an_empty_table(state: Path) -> None:
    with monitor(state) as (board, url):
        board.publish("database", SAMPLES, pod="alpha")
        board.fail("database", pod="alpha")
        found = pod_peers("alpha", "one", read_told(here(state), Silent(), 300, url))
    assert found.lines() == ["pod alpha: its table of pods could not be read: see podfleet status"]
    assert found.to_json()["reach"] is None


def test_a_monitor_that_does_not_run_is_refused_with_words(state: Path) -> None:
    with monitor(state) as (_, url):
        pass
    with pytest.raises(Refusal, match="its monitor does not answer"):
        read_told(here(state), Silent(), 300, url)


def test_without_a_probe_yet_all_is_not_probed(state: Path) -> None:
    with monitor(state) as (board, url):
        (state / "peers.json").unlink()
        board.publish("database", of_beta(), pod="beta")
        (peer,) = pod_peers("beta", "one", read_told(here(state), Silent(), 300, url)).peers
    assert (peer.bucket, peer.words) == ("unknown", "not probed yet")


def test_probes_that_are_stale_are_left_out_with_words(state: Path) -> None:
    with monitor(state) as (board, url):
        board.publish("database", SAMPLES, pod="alpha")
        standings = Standings(1)
        write_state(state, "peers", {**told.state(standings, NOW - 3600), "peers": STALE})
        said = io.StringIO()
        found = pod_peers("alpha", "one", read_told(here(state), Lines(said), 300, url))
    assert re.search(r"host one: its last probes ended 6\d minutes ago", said.getvalue())
    assert found.buckets["unknown"] and not found.buckets["current"]


def test_the_peers_without_a_name_are_one_row() -> None:
    board = Board()
    board.publish("database", [(metrics.PEER_CONTACTS, ("alpha", "other"), 7)], pod="alpha")
    told_now = Told(NOW, {}, Series(board.text().decode().splitlines()))
    (other,) = pod_peers("alpha", "one", told_now).peers
    assert other.words.startswith("all the others together")


def test_a_name_with_quotes_and_breaks_stays_one_name() -> None:
    name = 'x"},peer="\\y\nz'
    board = Board()
    board.publish("database", [(metrics.PEER_CONTACTS, ("alpha", name), 7)], pod="alpha")
    series = Series(board.text().decode().splitlines())
    assert series.values(metrics.PEER_CONTACTS, "alpha", "peer") == {'x"},peer="\\y z': 7}


def test_a_reason_of_a_newer_monitor_is_shown_as_it_is() -> None:
    board = Board()
    board.publish("database", of_beta(), pod="beta")
    probes = {"else.example.org": {"peer": "else.example.org", "reason": "made_of_cheese", "at": 1}}
    told_now = Told(NOW, probes, Series(board.text().decode().splitlines()))
    (peer,) = pod_peers("beta", "one", told_now).peers
    assert (peer.bucket, peer.words) == ("failing", "made of cheese")
