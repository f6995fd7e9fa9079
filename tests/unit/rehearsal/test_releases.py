"""The rehearsal pod's releases are what podfleet's catalogue says of them, broken ones aside."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provision.fleet.series import load_settings
from provision.fleet.upgrades import kinds_for
from provision.lab.rehearsal_source import FIRST_VERSION, lineage, rehearsal_repository, versions

SOUND = ("1.0.0.0", "1.1.0.0", "1.2.0.0", "1.3.0.0", "1.4.0.0")
# What each version brings beside what it lies on, and what the catalogue knows of it.
MIGRATIONS = {
    "1.1.0.3": {"20260102000000": None},
    "1.1.0.4": {"20260103000000": "expand"},
    "1.2.0.0": {"20260201000000": "expand"},
    "1.3.0.0": {"20260301000000": "breaking"},
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(rehearsal_repository(tmp_path_factory.mktemp("rehearsal")))


def git(repository: Path, *arguments: str) -> str:
    argv = ["git", "--git-dir", str(repository), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def migrations_of(repository: Path, version: str) -> set[str]:
    listed = git(repository, "ls-tree", "--name-only", f"v{version}", "db/migrate/").split()
    return {Path(path).name.partition("_")[0] for path in listed}


def test_sound_releases_lie_on_one_another_and_broken_ones_on_none() -> None:
    assert lineage(SOUND[-1]) == list(SOUND)
    broken = set(versions()) - set(SOUND)
    assert {lineage(version)[-2] for version in broken} == {"1.1.0.0"}


@pytest.mark.parametrize("version", [one for one in versions() if one != FIRST_VERSION])
def test_the_catalogue_knows_the_migrations(repository: Path, version: str) -> None:
    *_, base, _ = lineage(version)
    new = migrations_of(repository, version) - migrations_of(repository, base)
    assert {one: kinds_for(version).get(one) for one in new} == MIGRATIONS.get(version, {})


@pytest.mark.parametrize("version", SOUND)
def test_the_catalogue_knows_the_settings(repository: Path, version: str) -> None:
    names = {path.rpartition(".")[2] for path in load_settings(version)}
    defaults = git(repository, "show", f"v{version}:config/defaults.yml")
    written = {line.strip().partition(":")[0] for line in defaults.splitlines()}
    renamed = {"source_url", "source_code_url"}
    assert renamed & names == renamed & written
    assert len(renamed & names) == 1


def test_only_assets_differ_where_nothing_needs_to_migrate(repository: Path) -> None:
    changed = git(repository, "diff", "--name-only", "v1.0.0.0", "v1.1.0.0").split()
    assert changed == ["app/assets/stylesheets/application.css", "config/defaults.yml"]


def test_code_writes_a_column_until_the_release_that_drops_it(repository: Path) -> None:
    for version, writes in (("1.0.0.0", True), ("1.2.0.0", True), ("1.3.0.0", False)):
        controller = f"v{version}:app/controllers/api/v1/posts_controller.rb"
        assert ("provider_display_name" in git(repository, "show", controller)) is writes
