"""The release catalogue is data that people write: each of its files keeps the rules."""

from __future__ import annotations

import re

import pytest

from provision.fleet.series import (
    BREAKING,
    EXPAND,
    IRREVERSIBLE,
    Series,
    all_series,
    lineage,
    numbers,
    series_of,
)
from provision.lab.rehearsal_source import OVERLAYS, TREE, versions

EVERY = all_series()
# On purpose: a migration that nobody knows counts as breaking.
UNKNOWN = {"20260102000000"}

each_series = pytest.mark.parametrize("series", EVERY, ids=lambda series: series.name)


def test_the_series_are_in_order() -> None:
    names = [series.name for series in EVERY]
    assert names.index("0.9") < names.index("0.10") < names.index("1.0")


@each_series
def test_a_migration_has_a_number_a_kind_and_a_reason(series: Series) -> None:
    for migration in series.migrations:
        assert re.fullmatch(r"\d{14}", migration.version)
        assert migration.kind in (EXPAND, BREAKING, IRREVERSIBLE)
        assert migration.why
        assert series_of(migration.since) is series


def test_no_migration_is_in_two_series() -> None:
    found = [migration.version for series in EVERY for migration in series.migrations]
    assert len(found) == len(set(found))


@each_series
def test_a_release_belongs_to_the_series_that_tells_of_it(series: Series) -> None:
    for release in series.releases:
        assert series_of(release.version) is series
        if release.needs_from:
            assert numbers(release.needs_from) < numbers(release.version)


def test_what_is_acknowledged_has_one_meaning() -> None:
    ids = [each.id for series in EVERY for known in series.releases for each in known.accept]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in ids)


@each_series
def test_a_renamed_setting_is_there_by_its_new_name_alone(series: Series) -> None:
    for old, new in series.renamed.items():
        assert new in series.settings
        assert old not in series.settings


@each_series
def test_what_is_gone_is_not_there(series: Series) -> None:
    for path in series.settings:
        assert series.why_gone(path) is None


@each_series
def test_a_series_that_runs_says_what_it_needs(series: Series) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", series.ruby_abi)
    assert series.cannot_run or series.platform_level
    assert lineage(series)[-1] is series


@pytest.mark.parametrize("version", versions())
def test_the_catalogue_knows_the_rehearsal_pods_migrations(version: str) -> None:
    """Those that came after the first release: no pod has it without the others."""
    kinds = {each.version for series in EVERY for each in series.migrations}
    later = (TREE / OVERLAYS / version).glob("db/migrate/*.rb")
    found = {path.name.partition("_")[0] for path in later}
    assert found <= kinds | UNKNOWN
    assert series_of(version).is_rehearsal
