"""Who answers after a way back, whatever the release that was left said of itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from provision.contract import PodPlaces
from provision.operations import candidate, database, holding, switching
from provision.operations.layout import PodLayout
from provision.operations.operation import Operation
from provision.operations.switching import Switch

OLD, NEW = "1.0.0.0-0123abcd", "1.1.0.0-0123abcd"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodPlaces:
    """A pod on which NEW is live; the web of OLD is up, and needs no start."""
    monkeypatch.setattr("provision.contract.STATE", tmp_path / "state")
    monkeypatch.setattr("provision.contract.PODS", tmp_path / "pods")
    monkeypatch.setattr(candidate, "is_up", lambda *_: True)
    monkeypatch.setattr(holding, "is_parked", lambda _: False)
    places = PodPlaces("alpha")
    Path(places.state).mkdir(parents=True)
    Path(places.release(NEW)).mkdir(parents=True)
    Path(places.live_socket).symlink_to(places.web_socket(NEW))
    Path(places.current).symlink_to(places.release(NEW))
    return places


def test_a_web_that_was_killed_while_it_was_live_does_not_close_the_pod(places: PodPlaces) -> None:
    """As its unit's ExecStopPost does: nginx answers 503 while this is there."""
    flag = Path(PodLayout(places).web_down_flag)
    flag.touch()
    Switch(Operation("alpha", "one", {}), "alpha.example.org").back_at_once(OLD)
    assert not flag.exists()
    assert Path(places.live_socket).readlink() == Path(places.web_socket(OLD))
    assert Path(places.current).readlink() == Path(places.release(OLD))


@pytest.fixture
def ended(places: PodPlaces, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The webs that were ended, while OLD has a request that it never answers."""
    found: list[str] = []
    monkeypatch.setattr(candidate, "is_up", lambda _, release: release not in found)
    monkeypatch.setattr(candidate, "end", lambda _, release, **__: found.append(release))
    monkeypatch.setattr(holding, "in_flight", lambda *_: 1)
    monkeypatch.setattr(holding, "park", lambda _: pytest.fail("parked in the middle of a request"))
    monkeypatch.setattr(switching, "LAST_REQUESTS_SECONDS", 0.05)
    Path(places.operations, "one").mkdir(parents=True)
    return found


def test_a_request_that_never_ends_turns_no_switch_round(
    places: PodPlaces, ended: list[str]
) -> None:
    """nginx gave it up long ago: the web that was left ends with it, and is not kept warm."""
    operation = Operation("alpha", "one", {})
    Switch(operation, "alpha.example.org").park(OLD)
    assert ended == [OLD]
    (note,) = operation.journal.lines()
    assert "are cut off" in note["text"] and OLD in note["text"]


def test_behind_the_page_a_request_that_never_ends_keeps_no_pod_from_changing(
    places: PodPlaces, ended: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Switch, "_watch", lambda _: None)
    Switch(Operation("alpha", "one", {}), "alpha.example.org").close(
        OLD, by_page=True, database=None
    )
    assert ended == [OLD]
    assert Path(places.maintenance_flag).exists()


@pytest.mark.parametrize(
    ("leads_to_hold", "is_active", "seconds"),
    [
        # Killed, not booted: clients still wait.
        (True, True, switching.HOLD_SECONDS),
        # After a power cut nobody does.
        (True, False, switching.PAGE_SECONDS),
        # Behind the maintenance page nobody did.
        (False, True, switching.PAGE_SECONDS),
    ],
)
def test_an_operation_that_was_killed_does_not_hold_requests_for_ever(
    places: PodPlaces,
    monkeypatch: pytest.MonkeyPatch,
    leads_to_hold: bool,
    is_active: bool,
    seconds: float,
) -> None:
    monkeypatch.setattr(holding, "is_active", lambda _: is_active)
    if leads_to_hold:
        holding.hold(places)
    resumed = Switch(Operation("alpha", "one", {}), "alpha.example.org")
    assert resumed.seconds_left() == pytest.approx(seconds, abs=1)
    over = time.monotonic() + seconds
    monkeypatch.setattr(time, "monotonic", lambda: over)
    with pytest.raises(holding.HoldTooLong, match="--maintenance"):
        resumed.seconds_left()


def test_sessions_get_no_longer_than_what_is_left_of_the_hold(
    places: PodPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests in flight took most of it: a session that does not end may not take ten seconds."""
    left = [3.0, 20.0]
    given: list[float] = []
    monkeypatch.setattr(Switch, "_stop_answering", lambda *_: None)
    monkeypatch.setattr(Switch, "seconds_left", lambda _: left.pop(0))
    monkeypatch.setattr(holding, "drain", lambda *_: 0.0)
    monkeypatch.setattr(holding, "park", lambda _: None)
    monkeypatch.setattr(
        database, "close", lambda _, deadline_seconds: given.append(deadline_seconds)
    )
    switch = Switch(Operation("alpha", "one", {}), "alpha.example.org")
    for _ in range(2):
        switch.close(OLD, by_page=False, database="pod_alpha_1")
    assert given == [3.0, database.END_SECONDS]


def test_what_a_way_back_cost_is_in_the_journal(
    places: PodPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Switch, "_measured", lambda _: {"closed_seconds": 20.4})
    monkeypatch.setattr(holding, "finish", lambda _: None)
    Path(places.operations, "one").mkdir(parents=True)
    operation = Operation("alpha", "one", {})
    Switch(operation, "alpha.example.org").open(OLD, database=None)
    (note,) = operation.journal.lines()
    assert note["evidence"] == {"closed_seconds": 20.4} and "20.4 s" in note["text"]
