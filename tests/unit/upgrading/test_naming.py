"""What podfleet writes into the fleet file of its own accord: one key, and only where it fits."""

from __future__ import annotations

from pathlib import Path

from provision.fleet.loading import load_fleet
from provision.naming import foreign_settings, name_release
from tests.unit.upgrading.fleets import Told, written

NEW_NAME = """
[pods.gamma.diaspora.settings]
source_code_url = "https://example.org/source"
"""


def test_only_the_release_of_that_pod_changes(tmp_path: Path) -> None:
    fleet, report = written(tmp_path), Told()
    before = fleet.file.read_text()
    name_release(fleet, fleet.pods["beta"], "1.2.0.0", report)
    changed = before.replace('"1.1.0.0"   # of beta', '"1.2.0.0"   # of beta')
    assert fleet.file.read_text() == changed
    assert report.lines == [f"{fleet.file}: pods.beta.release is 1.2.0.0 now, it was 1.1.0.0"]
    assert load_fleet(str(fleet.file)).pods["beta"].release == "1.2.0.0"


def test_a_file_that_names_it_already_is_not_written(tmp_path: Path) -> None:
    fleet, report = written(tmp_path), Told()
    at = fleet.file.stat().st_mtime_ns
    name_release(fleet, fleet.pods["beta"], "1.1.0.0", report)
    assert (fleet.file.stat().st_mtime_ns, report.lines) == (at, [])


def test_a_release_that_does_not_know_the_files_settings_is_not_named(tmp_path: Path) -> None:
    """Else the file could not be loaded any more: it would name a setting of another release."""
    fleet, report = written(tmp_path, release="1.3.0.0", more=NEW_NAME), Told()
    before = fleet.file.read_text()
    gamma = fleet.pods["gamma"]
    assert foreign_settings(gamma, "1.2.0.0") == ["settings.source_code_url"]
    name_release(fleet, gamma, "1.2.0.0", report)
    assert fleet.file.read_text() == before
    (warning,) = report.warnings
    assert "stays 1.3.0.0: 1.2.0.0 does not know the file's settings.source_code_url" in warning
