"""Waves: some at once, the first red is the last to begin, what was not attempted is known."""

from __future__ import annotations

import threading
import time

import pytest

from provision.errors import Refusal
from provision.waves import Result, is_red, wave

RED = Refusal("pod b", "it is red", "Mend it.")


def let_go() -> None:
    raise AssertionError("nobody interrupted")


def test_all_are_done_in_their_order() -> None:
    done = wave("abc", str.upper, parallel=2, let_go=let_go)
    assert [(each.part, each.made) for each in done] == [("a", "A"), ("b", "B"), ("c", "C")]
    assert not is_red(done)


def test_nothing_is_begun_after_the_first_red() -> None:
    begun = []

    def work(part: str) -> str:
        begun.append(part)
        if part == "b":
            raise RED
        return part

    done = wave("abcd", work, parallel=1, let_go=let_go)
    assert begun == ["a", "b"]
    assert [each.error for each in done] == [None, RED, None, None]
    assert [each.was_attempted for each in done] == [True, True, False, False]
    assert is_red(done)


def test_what_was_begun_beside_a_red_is_followed_to_its_end() -> None:
    red = threading.Event()

    def work(part: str) -> str:
        if part == "b":
            red.set()
            raise RED
        assert red.wait(5)
        time.sleep(0.05)
        return part

    done = wave("abc", work, parallel=2, let_go=let_go)
    assert [each.made for each in done] == ["a", None, None]
    assert not done[2].was_attempted


def test_no_more_than_so_many_at_once() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def work(part: str) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return part

    wave("abcdefgh", work, parallel=3, let_go=let_go)
    assert most == 3


def test_a_fault_of_our_own_is_no_red_pod() -> None:
    def work(part: str) -> str:
        raise KeyError(part)

    with pytest.raises(KeyError):
        wave("ab", work, parallel=1, let_go=let_go)


def test_whoever_waits_is_released_when_the_user_interrupts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()
    begun = []

    def work(part: str) -> str:
        begun.append(part)
        assert released.wait(5)
        raise Refusal("host", "the connection is closed", "Try again.")

    interrupted = iter([KeyboardInterrupt])

    def result(task: object, timeout: float | None = None) -> Result[str, str]:
        raise next(interrupted)

    monkeypatch.setattr("concurrent.futures.Future.result", result)
    with pytest.raises(KeyboardInterrupt):
        wave("abc", work, parallel=1, let_go=released.set)
    assert begun == ["a"]
