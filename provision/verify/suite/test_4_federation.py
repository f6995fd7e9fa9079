"""Every pod towards the others: a post that arrives, and leaves again when it is taken back."""

from __future__ import annotations

import pytest

from monitoring.reasons import words
from provision.verify.ahead import Ahead
from provision.verify.collecting import Saw
from provision.verify.subjects import PodSubject, Subjects


def test_federation(pod: PodSubject, subjects: Subjects, ahead: Ahead, saw: Saw) -> None:
    if len(subjects.flyers) < 2:
        pytest.skip("no other pod of the fleet is launched: nobody to federate with")
    looked_at = {each.name for each in subjects.launched}
    flights = [
        flight
        for flight in ahead.flights.result()
        if flight.sender == pod.name
        or (flight.receiver == pod.name and flight.sender not in looked_at)
    ]
    assert flights, "its canary did not fly"
    for flight in flights:
        saw(flight.line())
    missed = [flight for flight in flights if flight.state != "ok" or flight.reason is not None]
    assert not missed, ", ".join(
        f"{each.sender} to {each.receiver}: {words(each.reason)}" for each in missed
    )
