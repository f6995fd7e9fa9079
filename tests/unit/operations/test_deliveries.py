"""Failing jobs, counted: more of them than before is red, as many is not."""

from __future__ import annotations

from provision.operations.deliveries import (
    COUNTED,
    MARGIN,
    SENDS_OF_A_CANARY,
    SHOWN,
    Sample,
    risen,
    too_many,
)


def sample(at: float, **counts: int) -> Sample:
    return Sample(at, {**dict.fromkeys((*COUNTED, SHOWN), 0), **counts})


FIRST = sample(100.0, retry=40)
# Ten more in the hundred seconds before.
BEFORE = (sample(0.0, retry=30), FIRST)


def test_as_many_as_before_is_no_sign() -> None:
    assert too_many(BEFORE, FIRST, sample(200.0, retry=50 + MARGIN)) == {}
    assert too_many(BEFORE, FIRST, sample(200.0, retry=51 + MARGIN)) == {"retry": 11 + MARGIN}


def test_in_half_the_time_half_as_many() -> None:
    assert too_many(BEFORE, FIRST, sample(150.0, retry=46 + MARGIN)) == {"retry": 6 + MARGIN}


def test_without_a_before_a_few_are_no_sign() -> None:
    assert too_many(None, FIRST, sample(200.0, retry=40 + MARGIN)) == {}
    assert too_many(None, FIRST, sample(200.0, retry=40, dead=MARGIN + 1)) == {"dead": MARGIN + 1}


def test_a_before_of_an_earlier_boot_says_nothing() -> None:
    """The clock is the boot's own: it began anew."""
    before = (sample(5000.0), FIRST)
    assert too_many(before, FIRST, sample(200.0, retry=44)) == {"retry": 4}


def test_the_canaries_own_sends_are_no_sign() -> None:
    last = sample(200.0, retry=40, sends_put_off=MARGIN + 2 * SENDS_OF_A_CANARY)
    assert too_many(None, FIRST, last, canaries=2) == {}
    assert too_many(None, FIRST, last, canaries=1) == {"sends_put_off": 7}


def test_what_was_tried_again_is_no_failure() -> None:
    assert set(risen(sample(0.0, retry=9), sample(1.0, retry=2)).values()) == {0}


def test_a_sample_survives_its_journal() -> None:
    assert Sample.from_json(FIRST.to_json()) == FIRST
