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


def _overlay(tree: Path, version: str, base: str, files: dict[str, str]) -> None:
    for name, content in {".base": f"{base}\n", **files}.items():
        path = tree / "releases" / version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_later_versions_are_overlays(tree: Path, tmp_path: Path) -> None:
    _overlay(tree, "1.0.10.0", "1.0.2.0", {"newer.rb": "# 10\n"})
    _overlay(tree, "1.0.2.0", FIRST_VERSION, {"new.rb": "# 2\n", ".removed": "old.rb\n"})
    repository = rehearsal_repository(tmp_path / "state")
    assert _git(repository, "tag").split() == ["v1.0.0.0", "v1.0.10.0", "v1.0.2.0"]
    assert _git(repository, "log", "--format=%s").splitlines()[0] == "Release 1.0.10.0"
    names = _git(repository, "ls-tree", "-r", "--name-only", "v1.0.2.0").split()
    assert names == ["config/defaults.yml", "new.rb"]
    names = _git(repository, "ls-tree", "-r", "--name-only", "v1.0.10.0").split()
    assert names == ["config/defaults.yml", "new.rb", "newer.rb"]
    assert '"1.0.2.0"' in _git(repository, "show", "v1.0.2.0:config/defaults.yml")


def test_a_version_holds_those_below_it_and_no_others(tree: Path, tmp_path: Path) -> None:
    _overlay(tree, "1.1.0.0", FIRST_VERSION, {"new.rb": "# 1.1\n"})
    _overlay(tree, "1.2.0.0", "1.1.0.0", {})
    before = _git(rehearsal_repository(tmp_path), "rev-parse", "v1.1.0.0", "v1.2.0.0")
    _overlay(tree, "1.1.0.1", "1.1.0.0", {"broken.rb": "raise\n"})
    repository = rehearsal_repository(tmp_path)
    assert _git(repository, "rev-parse", "v1.1.0.0", "v1.2.0.0") == before
    history = _git(repository, "log", "--format=%s", "v1.2.0.0").splitlines()
    assert history == ["Release 1.2.0.0", "Release 1.1.0.0", "Release 1.0.0.0"]
    assert "broken.rb" not in _git(repository, "ls-tree", "--name-only", "v1.2.0.0").split()


def test_a_patch_changes_a_few_lines(tree: Path, tmp_path: Path) -> None:
    patch = "--- a/old.rb\n+++ b/old.rb\n@@ -1 +1 @@\n-puts 1\n+puts 2\n"
    _overlay(tree, "1.1.0.0", FIRST_VERSION, {".patch": patch})
    repository = rehearsal_repository(tmp_path / "state")
    assert _git(repository, "show", "v1.1.0.0:old.rb") == "puts 2"
    assert ".patch" not in _git(repository, "ls-tree", "--name-only", "v1.1.0.0").split()
    (tree / "old.rb").write_text("puts 3\n")
    with pytest.raises(Refusal, match=r"old\.rb: patch does not apply"):
        rehearsal_repository(tmp_path / "state")


@pytest.mark.parametrize("base", ["1.2.0.0", "1.1.0.0", "0.9.0.0"])
def test_a_version_lies_on_one_before_it(base: str, tree: Path, tmp_path: Path) -> None:
    _overlay(tree, "1.1.0.0", base, {})
    _overlay(tree, "1.2.0.0", "1.1.0.0", {})
    with pytest.raises(Refusal, match=f"{base} is no version before it"):
        rehearsal_repository(tmp_path / "state")


def test_a_tree_without_a_version_is_refused(tree: Path, tmp_path: Path) -> None:
    (tree / "config" / "defaults.yml").write_text("defaults:\n")
    with pytest.raises(Refusal, match="names no version"):
        rehearsal_repository(tmp_path / "state")
    assert not (tmp_path / "state" / "rehearsal.git").exists()
