"""A tag of a real Git repository: found, missing, moved, out of reach; and the tree laid out."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.releases.source import fetch_tag
from provision.releases.tree import OFFERED_SOURCE, customisations_digest, lay_out
from provision.report import Silent


class Told(Silent):
    """Remembers what was warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def git(repository: Path, *argv: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *identity, *argv], cwd=repository, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "pod"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "README").write_text("one\n")
    git(root, "add", "README")
    git(root, "commit", "--quiet", "-m", "one")
    for tag in ("v0.9.0.0", "v0.9.1.0"):
        git(root, "tag", "-a", "-m", tag, tag)
    return root


def test_a_tag_is_its_commit(repository: Path) -> None:
    found = fetch_tag(str(repository), "v0.9.1.0", Told())
    assert found.commit == git(repository, "rev-parse", "HEAD")


def test_a_missing_tag_is_refused_with_those_near_it(repository: Path) -> None:
    with pytest.raises(Refusal, match=r"it has no tag v0\.9\.2\.0.*Near it are v0\.9\.1\.0, v0\.9"):
        fetch_tag(str(repository), "v0.9.2.0", Told())


def test_a_source_out_of_reach_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"the source cannot be read: fatal: .*nowhere"):
        fetch_tag(str(tmp_path / "nowhere"), "v0.9.1.0", Told())


def test_a_tag_fetched_before_serves_when_the_source_is_out_of_reach(repository: Path) -> None:
    told = Told()
    before = fetch_tag(str(repository), "v0.9.1.0", told)
    repository.rename(repository.with_name("gone"))
    assert fetch_tag(str(repository), "v0.9.1.0", told) == before
    assert [text for text in told.warnings if "cannot be read" in text]


def test_a_moved_tag_is_followed_and_said(repository: Path) -> None:
    told = Told()
    before = fetch_tag(str(repository), "v0.9.1.0", told)
    (repository / "README").write_text("two\n")
    git(repository, "commit", "--quiet", "-a", "-m", "two")
    git(repository, "tag", "-f", "v0.9.1.0")
    after = fetch_tag(str(repository), "v0.9.1.0", told)
    assert after.commit != before.commit
    assert [text for text in told.warnings if "the tag v0.9.1.0 moved from" in text]


@pytest.mark.parametrize("url", ["ext::sh -c 'touch owned'", "--upload-pack=touch owned"])
def test_a_url_runs_no_command(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refusal, match="the source cannot be read"):
        fetch_tag(url, "v0.9.1.0", Told())
    assert not (tmp_path / "owned").exists()


def test_customisations_lie_over_the_tag_and_in_the_offered_source(
    repository: Path, tmp_path: Path
) -> None:
    ours = tmp_path / "ours"
    (ours / "app/views/home").mkdir(parents=True)
    (ours / "app/views/home/_show.html.haml").write_text("%h1 Hello\n")
    (ours / "README").write_text("ours\n")
    root = tmp_path / "tree"
    root.mkdir()
    lay_out(fetch_tag(str(repository), "v0.9.1.0", Told()), ours, root)
    assert (root / "README").read_text() == "ours\n"
    with tarfile.open(root / OFFERED_SOURCE) as tar:
        assert tar.getnames() == ["source/README", "source/app/views/home/_show.html.haml"]


def test_the_digest_follows_what_is_customised(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "logo.svg").write_text("<svg/>")
    first = customisations_digest(ours)
    (ours / "logo.svg").write_text("<svg />")
    assert customisations_digest(ours) not in ("", first)
    assert customisations_digest(None) == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config/database.yml", "production:\n"),
        ("lib/key.rb", "secret_key_base = '" + "0123456789" * 8 + "'"),
    ],
)
def test_a_secret_among_the_customisations_is_refused(
    name: str, content: str, tmp_path: Path
) -> None:
    (tmp_path / "ours" / name).parent.mkdir(parents=True)
    (tmp_path / "ours" / name).write_text(content)
    with pytest.raises(Refusal, match=f"{name} .*podfleet secrets set"):
        customisations_digest(tmp_path / "ours")


def test_a_link_among_the_customisations_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/hosts").symlink_to("/etc/hosts")
    with pytest.raises(Refusal, match="it is not a plain file"):
        customisations_digest(tmp_path / "ours")
