"""Which order the host's memory allows: cases as data."""

from __future__ import annotations

import pytest

from provision.operations.memory import order, proportional_kb, resident_mb

WEB, SIDEKIQ, MIGRATOR = 203, 190, 130
# A pod at rest on a small server, both processes among it.
RESIDENT = 370


@pytest.mark.parametrize(
    ("host", "resident", "has_migrations", "expected"),
    [
        (2048, RESIDENT, True, "ample"),
        (1024, RESIDENT, False, "ample"),
        # Exactly enough, with 64 MB to spare; then one MB less.
        (RESIDENT + 64 + WEB + SIDEKIQ, RESIDENT, False, "ample"),
        (RESIDENT + 63 + WEB + SIDEKIQ, RESIDENT, False, "small"),
        # The migrator takes its share while there is something to migrate.
        (RESIDENT + 64 + WEB + SIDEKIQ, RESIDENT, True, "small"),
        # The old sidekiq makes room for a second web.
        (RESIDENT + 64 + WEB - SIDEKIQ, RESIDENT, False, "small"),
        (RESIDENT + 63 + WEB - SIDEKIQ, RESIDENT, False, "tiny"),
        (RESIDENT + 64 + WEB - SIDEKIQ, RESIDENT, True, "tiny"),
        (512, RESIDENT + 100, True, "tiny"),
        # More in use than was declared.
        (256, RESIDENT, False, "tiny"),
    ],
)
def test_order(host: int, resident: int, has_migrations: bool, expected: str) -> None:
    assert order(host, resident, WEB, SIDEKIQ, MIGRATOR, has_migrations) == expected


ROLLUP = """\
55d0c0a00000-7ffd2b9f5000 ---p 00000000 00:00 0                          [rollup]
Rss:              215000 kB
Pss:              208123 kB
Pss_Dirty:        190000 kB
Pss_Anon:         190000 kB
SwapPss:            4096 kB
"""


@pytest.mark.parametrize(("rollup", "kb"), [(ROLLUP, 208123), ("", 0), ("Pss_Anon: 7 kB\n", 0)])
def test_a_process_counts_its_share_of_what_is_shared(rollup: str, kb: int) -> None:
    assert proportional_kb(rollup) == kb


def test_something_is_resident_here() -> None:
    assert resident_mb() > 1
