"""Whatever strangers are called and jobs hold: the format stays one, and nothing breaks."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from monitoring.board import Board
from monitoring.metrics import PEER_CONTACTS
from monitoring.pod.authority import authority_of
from monitoring.pod.scheduled import AGES, CLASSES, tally_of

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
JOBS = st.fixed_dictionaries(
    {"class": st.sampled_from(["Workers::SendPublic", "Workers::SendPrivate"]) | ANY_JSON},
    optional={"args": st.lists(ANY_JSON, max_size=5) | ANY_JSON},
)


@given(st.text(), st.text())
def test_any_name_is_one_label_of_one_line(pod: str, peer: str) -> None:
    board = Board()
    board.publish("x", [(PEER_CONTACTS, (pod, peer), 7)])
    families = list(text_string_to_metric_families(board.text().decode()))
    (sample,) = [each for family in families for each in family.samples if each.value == 7]
    assert set(sample.labels) == {"pod", "peer"}
    # Three families: two that tell of the source, and this one.
    assert len(board.text().decode().splitlines()) == 3 * 3
    if pod.isprintable() and len(pod) < 256:
        assert sample.labels["pod"] == pod


@example(" ")
@example(" :8443")
@example("9" * 5000)
@given(st.text())
def test_any_url_leads_to_a_name_or_to_none(url: str) -> None:
    for each in (url, f"https://{url}"):
        authority = authority_of(each)
        assert authority is None or not {"", "/"} & {authority[:1], *authority}


@given(st.lists(JOBS.map(lambda job: json.dumps(job).encode()) | st.binary(), max_size=8))
def test_any_job_is_counted_once(members: list[bytes]) -> None:
    tally = tally_of(((member, float(place)) for place, member in enumerate(members)), now=1e9)
    assert sum(tally.classes.values()) == len(members)
    assert tally.classes.keys() <= CLASSES | {"other"}
    assert tally.ages.keys() <= {name for name, _ in AGES}
    assert tally.sends.keys() == tally.lost_at.keys()
