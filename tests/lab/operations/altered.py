"""Releases that are broken on purpose: a real artifact, altered, and signed as the fleet signs."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from provision.fleet.secrets import Vault
from provision.releases.signature import sign
from provision.releases.store import Artifact

Alter = Callable[[Path], object]


def altered(artifact: Artifact, vault: Vault, where: Path, alter: Alter) -> Artifact:
    """The artifact whose tree `alter` changed, as another release."""
    tree = where / "tree"
    tree.mkdir(parents=True)
    subprocess.run(["tar", "-xf", str(artifact.path), "-C", str(tree)], check=True)
    alter(tree)
    tarball = where / "new.tar.zst"
    argv = ["tar", "--zstd", "-cf", str(tarball), "-C", str(tree)]
    subprocess.run([*argv, *sorted(path.name for path in tree.iterdir())], check=True)
    content = tarball.read_bytes()
    manifest = replace(
        artifact.manifest,
        tarball_sha256=hashlib.sha256(content).hexdigest(),
        tarball_bytes=len(content),
    )
    made = Artifact(where, manifest, manifest.release_id)
    tarball.rename(made.path)
    made.manifest_path.write_bytes(manifest.to_bytes())
    signature = where / "signature"
    signature.write_bytes(sign(manifest.to_bytes(), vault))
    return replace(made, signature=signature)


def failing_migration(tree: Path) -> None:
    """Makes a table, then fails: what it made must not stay."""
    (tree / "db" / "migrate" / "20260101000000_break_half_way.rb").write_text(
        """class BreakHalfWay < ActiveRecord::Migration[6.1]
  disable_ddl_transaction!
  def up
    create_table(:half_made) {|t| t.string :name }
    raise "this migration breaks half way"
  end
end
"""
    )


def web_that_does_not_boot(tree: Path) -> None:
    """Rails boots for rake and rails; puma alone does not."""
    path = tree / "config" / "puma.rb"
    path.write_text('raise "puma shall not boot"\n' + path.read_text())


def pages_that_fail(tree: Path) -> None:
    """NodeInfo answers, and every page that touches the database is a 500."""
    path = tree / "app" / "controllers" / "streams_controller.rb"
    text = path.read_text()
    path.write_text(text.replace("def public\n", 'def public\n    raise "no page today"\n', 1))
    assert path.read_text() != text
