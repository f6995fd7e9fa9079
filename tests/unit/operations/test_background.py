"""When a quieted sidekiq is idle, from what Redis holds of its processes."""

from __future__ import annotations

import pytest

from provision.operations.background import is_idle

NOW = 1795369000.25


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ([(NOW, "true", "0")], True),
        ([(NOW, "true", "2")], False),
        # It has not said yet that it was told.
        ([(NOW, "false", "0")], False),
        # It has not said anything yet.
        ([], False),
        # Before a crash or a boot, another one had the same process id: it speaks for itself.
        ([(NOW - 40, "true", "0"), (NOW, "false", "0")], False),
        ([(NOW, "true", "0"), (NOW - 40, "false", "3")], True),
    ],
)
def test_idle(beats: list[tuple[float, str, str]], expected: bool) -> None:
    assert is_idle(beats) is expected
