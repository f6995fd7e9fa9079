"""No secret in an artifact, nothing that is not needed to run, and the same bytes each time."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from provision.releases import recipe
from provision.releases.contents import SECRETS, drop_unneeded, forbidden, leads_out

PRIVATE_KEY = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"MIIJKQIBAAKCAgEA" * 4


def put(root: Path, name: str, content: bytes = b"x") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content)


@pytest.mark.parametrize("pattern", SECRETS)
def test_what_an_installation_makes_is_dropped(tree: Path, pattern: str) -> None:
    name = pattern.replace("*", "production")
    put(tree, name)
    drop_unneeded(tree)
    assert not (tree / name).exists()
    assert (tree / "config/defaults.yml").exists()


@pytest.mark.parametrize("pattern", SECRETS)
def test_what_is_secret_by_its_name_is_refused(pattern: str) -> None:
    name = pattern.replace("*", "production")
    assert [*forbidden(iter([(name, b"")]))] == [f"{name} is a file that each host has of its own"]


@pytest.mark.parametrize(
    "content",
    [
        PRIVATE_KEY,
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n",
        b"  config.secret_key_base = '" + b"0123456789" * 8 + b"'",
        b'secret_key_base: "' + b"0123456789" * 8 + b'"',
    ],
)
def test_what_is_secret_by_its_content_is_refused(tree: Path, content: bytes) -> None:
    put(tree, "lib/harmless.rb", content)
    with pytest.raises(recipe.BuildFailed, match=r"lib/harmless\.rb contains a private key or"):
        recipe.refuse_secrets(tree)


@pytest.mark.parametrize(
    "name",
    [
        ".git/HEAD",
        "log/production.log",
        "node_modules/left-pad/index.js",
        "public/uploads/images/me.webp",
        "spec/models/user_spec.rb",
        "tmp/pids/web.pid",
        "vendor/bundle/ruby/3.3.0/cache/rack-1.gem",
        "vendor/bundle/ruby/3.3.0/gems/rack-1/spec/key.pem",
        "vendor/bundle/ruby/3.3.0/gems/pg-1/ext/pg.o",
        "vendor/bundle/ruby/3.3.0/extensions/x86_64-linux/3.3.0/pg-1/mkmf.log",
    ],
)
def test_what_is_not_needed_to_run_is_dropped(tree: Path, name: str) -> None:
    before = {path for path in tree.rglob("*") if path.is_file()}
    put(tree, name)
    drop_unneeded(tree)
    assert {path for path in tree.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("name", "target", "is_outside"),
    [
        ("bin/start", "rake", False),
        ("public/a/b", "../../config/x", False),
        ("public/a", "../../x", True),
        ("a", "..", True),
        ("vendor/gem", "/usr/share/gem", True),
    ],
)
def test_links_that_lead_out_are_known(name: str, target: str, is_outside: bool) -> None:
    assert leads_out(name, target) is is_outside


def test_a_link_out_of_the_release_fails_the_build(tree: Path, tmp_path: Path) -> None:
    (tree / "vendor/gem").symlink_to("/usr/share/gem")
    with pytest.raises(recipe.BuildFailed, match="vendor/gem is a link to /usr/share/gem"):
        recipe.pack(tree, tmp_path / "release.tar.zst")


def test_the_same_tree_is_the_same_tarball(tree: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(tree, again, symlinks=True, copy_function=shutil.copyfile)
    (again / "bin/rake").chmod(0o700)
    recipe.pack(tree, tmp_path / "one")
    recipe.pack(again, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_owners_and_dates_of_the_builder_are_not_shipped(tree: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "release.tar", "w") as tar:
        recipe.add(tar, tree / "bin/rake", "bin/rake", 1_700_000_000)
    with tarfile.open(tmp_path / "release.tar") as tar:
        member = tar.getmember("bin/rake")
    assert (member.uid, member.uname, member.mtime) == (0, "root", 1_700_000_000)
