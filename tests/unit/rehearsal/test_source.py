"""The rehearsal pod's repository: the same everywhere, a tag for each version."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.lab import rehearsal_source
from provision.lab.rehearsal_source import FIRST_VERSION, TREE, rehearsal_repository


def _git(repository: str, *arguments: str) -> str:
    argv = ["git", "--git-dir", repository, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small tree in place of the real one."""
    tree = tmp_path / "tree"
    (tree / "config").mkdir(parents=True)
    (tree / "config" / "defaults.yml").write_text(f'    number: "{FIRST_VERSION}"\n')
    (tree / "old.rb").write_text("puts 1\n")
    monkeypatch.setattr(rehearsal_source, "TREE", tree)
    return tree


def test_two_controllers_make_the_same_commits(tmp_path: Path) -> None:
    one, other = (rehearsal_repository(tmp_path / name) for name in ("one", "other"))
    tag = f"v{FIRST_VERSION}"
    assert _git(one, "rev-parse", tag) == _git(other, "rev-parse", tag)


def test_the_repository_holds_the_tree_and_nothing_generated(tmp_path: Path) -> None:
    repository = rehearsal_repository(tmp_path)
    names = _git(repository, "ls-tree", "-r", "--name-only", f"v{FIRST_VERSION}").splitlines()
    assert {"Gemfile", "bin/bundle", "config/puma.rb", "script/configure_bundler"} <= set(names)
    generated = ("vendor/", "public/assets/", "config/database.yml", "config/oidc_key.pem")
    assert [name for name in names if name.startswith(generated) and "example" not in name] == []
    modes = _git(repository, "ls-tree", f"v{FIRST_VERSION}", "bin/").splitlines()
    assert all(line.startswith("100755") for line in modes)


def test_no_default_holds_a_secret() -> None:
    defaults = (TREE / "config" / "defaults.yml").read_text()
    assert "password:\n" in defaults
    assert not (TREE / "config" / "initializers" / "secret_token.rb").exists()


def test_an_unchanged_tree_is_left_alone(tree: Path, tmp_path: Path) -> None:
    repository = Path(rehearsal_repository(tmp_path / "state"))
    before = repository.stat().st_ino
    rehearsal_repository(tmp_path / "state")
    assert repository.stat().st_ino == before
    (tree / "old.rb").write_text("puts 2\n")
    rehearsal_repository(tmp_path / "state")
    assert _git(str(repository), "show", f"v{FIRST_VERSION}:old.rb") == "puts 2"


def test_later_versions_are_overlays(tree: Path, tmp_path: Path) -> None:
    for version in ("1.0.10.0", "1.0.2.0"):
        overlay = tree / "releases" / version
        overlay.mkdir(parents=True)
        (overlay / "new.rb").write_text(f"# {version}\n")
    (tree / "releases" / "1.0.2.0" / ".removed").write_text("old.rb\n")
    repository = rehearsal_repository(tmp_path / "state")
    assert _git(repository, "tag").split() == ["v1.0.0.0", "v1.0.10.0", "v1.0.2.0"]
    assert _git(repository, "log", "--format=%s").splitlines()[0] == "Release 1.0.10.0"
    names = _git(repository, "ls-tree", "-r", "--name-only", "v1.0.2.0").split()
    assert names == ["config/defaults.yml", "new.rb"]
    assert '"1.0.2.0"' in _git(repository, "show", "v1.0.2.0:config/defaults.yml")


def test_a_tree_without_a_version_is_refused(tree: Path, tmp_path: Path) -> None:
    (tree / "config" / "defaults.yml").write_text("defaults:\n")
    with pytest.raises(Refusal, match="names no version"):
        rehearsal_repository(tmp_path / "state")
    assert not (tmp_path / "state" / "rehearsal.git").exists()
