"""What the database source says, read from a real PostgreSQL with column-level rights only."""

from __future__ import annotations

import pytest

from monitoring.pod.database import DatabaseSource
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Reading, Unread
from monitoring.pod.sessions import session
from tests.unit.monitoring import servers
from tests.unit.monitoring.pod.conftest import lead_to, tell
from tests.unit.monitoring.pod.schema import ROLE

NOW_UTC = "now() AT TIME ZONE 'UTC'"
PODS = """INSERT INTO pods (host, ssl, status, offline_since, error, port, blocked) VALUES
 ('one.example.org', true, 1, NULL, 'FederationError: couldnt_resolve_host', -1, false),
 ('two.example.org', true, 3, '2026-11-22 08:53:13.968757', 'FederationError: couldnt_connect',
  -1, NULL),
 ('three.example.org', false, 5, '2026-11-20 00:00:00',
  'FederationError: HTTP status code was: 502', 8080, false),
 ('four.example.org', true, 7, '2026-11-21 00:00:00', 'FederationError: peer_failed_verification',
  443, false),
 ('bad"host\n<b>', NULL, 6, NULL, 'ConnectionTester::NodeInfoFailure: secret words', -1, false),
 ('blocked.example.org', true, 3, '2026-01-01 00:00:00', NULL, -1, true)"""
PEOPLE = """INSERT INTO people (owner_id, closed_account, pod_id) VALUES
 (1, false, NULL), (2, NULL, NULL), (3, true, NULL), (NULL, false, 1), (NULL, false, 1),
 (NULL, false, 2)"""


@pytest.fixture
def filled(postgres: servers.Postgres, database: str) -> str:
    postgres.run(
        PODS,
        PEOPLE,
        "INSERT INTO users (username, last_seen) VALUES"
        f" ('a', {NOW_UTC} - interval '1 day'), ('b', {NOW_UTC} - interval '3 months'),"
        f" ('c', {NOW_UTC})",
        "INSERT INTO contacts (user_id, person_id) VALUES (1, 4), (2, 4), (1, 5), (1, 6), (1, 2)",
        "INSERT INTO posts (author_id, type) VALUES"
        " (1, 'StatusMessage'), (1, 'Reshare'), (4, 'StatusMessage'), (2, 'StatusMessage')",
        "INSERT INTO comments (author_id) VALUES (1), (4)",
        database=database,
    )
    return database


def values(reading: Reading) -> dict[tuple[str, ...], float]:
    """By the metric's name and the labels after the pod's."""
    return {(metric.name, *labels[1:]): value for metric, labels, value in reading.samples}


def test_all_that_a_database_tells(filled: str, place: PodPlace) -> None:
    said = values(DatabaseSource().collect(place))
    assert said["database_up",] == 1
    assert said["database_bytes",] > 1_000_000
    assert said["database_sessions",] == 0
    counts = {key: value for key, value in said.items() if key[0] in ("users", "posts", "comments")}
    assert counts == {
        ("users", "total"): 2,
        ("users", "month"): 1,
        ("users", "half_year"): 2,
        ("posts",): 2,
        ("comments",): 1,
    }


def test_peers_by_status_and_reason(filled: str, place: PodPlace) -> None:
    said = values(DatabaseSource().collect(place))
    assert {key[1:]: value for key, value in said.items() if key[0] == "peers"} == {
        ("no_errors", "none"): 1,
        ("net_failed", "refused"): 1,
        ("http_failed", "server_error"): 1,
        ("unknown_error", "tls_untrusted"): 1,
        ("version_failed", "no_known_nodeinfo"): 1,
    }


def test_each_peer_with_its_contacts_and_its_end(filled: str, place: PodPlace) -> None:
    reading = DatabaseSource().collect(place)
    said = values(reading)
    assert said["peer_contacts", "one.example.org"] == 3
    assert said["peer_contacts", "two.example.org"] == 1
    assert said["peer_contacts", "three.example.org:8080"] == 0
    assert ("peer_offline_since_timestamp_seconds", "one.example.org") not in said
    since = said["peer_offline_since_timestamp_seconds", "two.example.org"]
    assert since == pytest.approx(1795337593.968757)
    cut_off = said["peer_cut_off_at_timestamp_seconds", "two.example.org"]
    assert cut_off - since == 14 * 86400
    assert reading.peers is not None
    urls = [peer.url for peer in reading.peers]
    assert urls[:2] == ["https://one.example.org", "https://two.example.org"]
    assert set(urls[2:4]) == {"http://three.example.org:8080", "https://four.example.org"}


def test_nothing_of_an_error_text_is_said(filled: str, place: PodPlace) -> None:
    assert "secret" not in repr(DatabaseSource().collect(place))


def test_a_column_that_is_not_granted_takes_only_what_needs_it(
    postgres: servers.Postgres, filled: str, place: PodPlace
) -> None:
    postgres.run(
        f"REVOKE SELECT (last_seen) ON users FROM {ROLE}",
        f"REVOKE SELECT (error) ON pods FROM {ROLE}",
        f"REVOKE SELECT (person_id) ON contacts FROM {ROLE}",
        database=filled,
    )
    reading = DatabaseSource().collect(place)
    said = values(reading)
    assert not [key for key in said if key[0] in ("users", "peer_contacts")]
    assert said["posts",] == 2
    assert said["peers", "net_failed", "unreachable"] == 1
    assert ("peer_cut_off_at_timestamp_seconds", "two.example.org") in said


def test_a_column_of_another_version_is_missed_by_nobody(
    postgres: servers.Postgres, filled: str, place: PodPlace
) -> None:
    postgres.run("ALTER TABLE pods DROP blocked, DROP port, DROP status", database=filled)
    said = values(DatabaseSource().collect(place))
    assert said["peers", "unknown", "refused"] == 1
    assert said["posts",] == 2


def test_a_table_that_is_locked_is_left_out_and_said_so(
    postgres: servers.Postgres, filled: str, place: PodPlace
) -> None:
    holder = postgres.connect(filled)
    try:
        holder.run("BEGIN")
        holder.run("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE")
        reading = DatabaseSource().collect(place)
    finally:
        holder.close()
    said = values(reading)
    assert ("posts",) not in said
    assert said["comments",] == 1
    assert reading.left_out == ["posts left out: 55P03"]


def test_the_session_cannot_write(postgres: servers.Postgres, filled: str, place: PodPlace) -> None:
    postgres.run(f"GRANT INSERT ON comments TO {ROLE}", database=filled)
    with session(place) as database, pytest.raises(Exception, match="read-only"):
        database.rows("INSERT INTO comments (author_id) VALUES (1)")


def test_what_is_dear_is_counted_now_and_then(
    postgres: servers.Postgres, filled: str, place: PodPlace
) -> None:
    now = 0.0
    source = DatabaseSource(clock=lambda: now)
    source.collect(place)
    postgres.run("INSERT INTO comments (author_id) VALUES (1)", "DELETE FROM pods WHERE id = 1",
                 database=filled)  # fmt: skip
    now = 30.0
    said = values(source.collect(place))
    assert said["comments",] == 1
    assert ("peer_contacts", "one.example.org") not in said
    now = 700.0
    assert values(source.collect(place))["comments",] == 2


def test_nothing_dear_is_counted_during_an_operation(filled: str, place: PodPlace) -> None:
    tell(place, database=filled, operation={"id": "x", "verb": "upgrade", "begun_at": "now"})
    said = values(DatabaseSource().collect(place))
    assert ("posts",) not in said
    assert ("peer_contacts", "one.example.org") in said


def test_facts_that_name_no_database(postgres: servers.Postgres, place: PodPlace) -> None:
    for database in (None, "", 3):
        lead_to(postgres, place, None)
        tell(place, database=database)
        with pytest.raises(Unread) as refused:
            DatabaseSource().collect(place)
        assert refused.value.samples == ()


def test_a_database_that_is_gone(postgres: servers.Postgres, place: PodPlace) -> None:
    lead_to(postgres, place, "nowhere")
    with pytest.raises(Unread, match="3D000") as refused:
        DatabaseSource().collect(place)
    assert [value for _, _, value in refused.value.samples] == [0]


def test_no_postgresql_at_all(place: PodPlace) -> None:
    tell(place, database="pod")
    with pytest.raises(Unread, match="InterfaceError") as refused:
        DatabaseSource().collect(place)
    assert [value for _, _, value in refused.value.samples] == [0]
