"""Which path an upgrade takes, and how long it says that requests will be held."""

from __future__ import annotations

import pytest

from provision.operations.paths import Way, compare, path_of, predict

KINDS = {"1": "expand", "2": "breaking", "3": "irreversible"}


@pytest.mark.parametrize(
    ("pending", "path", "unknown"),
    [
        ([], "plain", ()),
        (["1"], "expand", ()),
        (["2"], "breaking", ()),
        (["3"], "breaking", ()),
        # As breaking as the worst of them.
        (["1", "2"], "breaking", ()),
        # What nobody knows counts as breaking, and is named.
        (["9"], "breaking", ("9",)),
        (["1", "9"], "breaking", ("9",)),
    ],
)
def test_a_release_is_as_breaking_as_its_worst_pending_migration(
    pending: list[str], path: str, unknown: tuple[str, ...]
) -> None:
    assert path_of(pending, KINDS) == (path, unknown)


@pytest.mark.parametrize(
    ("seen", "known", "pending", "ahead"),
    [
        # diaspora*'s first migration is 0000_create_schema: to Rails, and in the database, it is 0.
        (["0", "20220101000000"], ["0000", "20220101000000"], ("20260101000000",), ()),
        (["0", "20220101000000", "20260101000000"], ["0"], (), ()),
        # A pod of 2012 has seen one by one what upstream merged into the first one since.
        (["0", "20120101000000"], ["0"], ("20220101000000", "20260101000000"), ()),
        # The running release is newer: its database has seen what this one does not know.
        (
            ["0", "20220101000000", "20260101000000", "20270101000000"],
            ["0", "20220101000000", "20260101000000", "20270101000000"],
            (),
            ("20270101000000",),
        ),
    ],
)
def test_migrations_are_compared_as_numbers_and_with_the_running_release(
    seen: list[str], known: list[str], pending: tuple[str, ...], ahead: tuple[str, ...]
) -> None:
    release = ["0000_create_schema", "20220101000000_old", "20260101000000_new"]
    assert compare(release, seen, known) == (pending, ahead)


def test_nothing_is_held_where_nothing_breaks() -> None:
    assert predict("plain", "ample", 10**9, 0, 4e8, 0.6) == 0
    assert predict("expand", "small", 10**9, 3, 4e8, 0.6) == 0


def test_a_copy_is_predicted_by_its_bytes() -> None:
    small, large = (predict("breaking", "ample", size, 1, 4e8, 0.6) for size in (0, 10**9))
    assert large - small == pytest.approx(2.5)


def test_where_one_web_fits_its_boot_is_held() -> None:
    assert predict("plain", "tiny", 0, 0, 4e8, 0.6) >= 5


def test_a_way_is_the_same_after_it_was_in_a_journal() -> None:
    way = Way("breaking", "small", ("1",), ("1",), (), "pod_main_1", 9, 0.7, 300, 120, 110, 18)
    assert Way.from_json(way.to_json()) == way
