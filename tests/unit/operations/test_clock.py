"""The client's clock: what counts as closed, with an injected clock, and with a real thread."""

from __future__ import annotations

import threading
import time

import pytest

from provision.operations.clock import ClientClock, Reading

# (began, ended, answered)
Asked = tuple[float, float, bool]
USUAL: list[Asked] = [(n * 0.02, n * 0.02 + 0.004, True) for n in range(10)]
CASES: dict[str, tuple[list[Asked], float]] = {
    "nothing happened": ([], 0.0),
    "one was held": ([(1.0, 1.8, True)], 0.8),
    "a little slower is not held": ([(1.0, 1.09, True)], 0.0),
    "refused, then answered": (
        [(1.0, 1.001, False), (1.5, 1.501, False), (2.0, 2.01, True)], 1.01
    ),
    "refused, then held": ([(1.0, 1.1, False), (1.2, 2.2, True)], 1.2),
    "the longest of two": ([(1.0, 1.3, True), (2.0, 2.004, True), (3.0, 3.9, True)], 0.9),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "closed"), CASES.values(), ids=CASES.keys())
def test_closed_is_from_the_first_held_or_refused_to_the_first_answered(
    asked: list[Asked], closed: float
) -> None:
    reading = Reading()
    for one in [*USUAL, *asked]:
        reading.note(*one)
    assert reading.closed == pytest.approx(closed)
    assert reading.failed == sum(not answered for _, _, answered in asked)


def test_on_a_slow_machine_slow_requests_are_not_held() -> None:
    reading = Reading()
    for n in range(20):
        reading.note(float(n), n + 0.09, True)
    reading.note(30.0, 30.3, True)
    assert reading.closed == 0.0
    reading.note(40.0, 40.6, True)
    assert reading.closed == pytest.approx(0.6)


def test_the_first_answer_is_from_before_the_switch() -> None:
    reading = Reading()
    reading.note(0.0, 9.0, True)
    reading.note(9.01, 9.02, True)
    assert (reading.closed, reading.asked) == (0.0, 2)


def test_a_pod_that_is_still_closed_counts_until_now() -> None:
    clock = ClientClock("pod.example.org", ask=lambda: True, now=lambda: 12.0)
    clock.reading.note(2.0, 2.1, False)
    assert clock.closed_seconds() == 10.0


def test_stop_waits_for_the_first_answer_after_a_closing() -> None:
    is_open, asked = threading.Event(), threading.Event()

    def ask() -> bool:
        asked.set()
        return is_open.is_set()

    is_open.set()
    clock = ClientClock("pod.example.org", ask=ask)
    clock.start()
    is_open.clear()
    asked.clear()
    assert asked.wait(5)
    threading.Timer(0.3, is_open.set).start()
    began = time.monotonic()
    clock.stop()
    assert 0.2 <= clock.closed_seconds() <= time.monotonic() - began + 0.2
    assert clock.to_json()["failed"] > 3
    clock.stop()
