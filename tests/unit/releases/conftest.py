"""A controller's cache of its own for each test, a fleet's key, and small real artifacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from provision.fleet.secrets import Vault
from provision.fleet.vault_password import VaultPassword
from provision.releases import recipe, store
from provision.releases.cache import sha256_of
from provision.releases.manifest import Manifest, Migration
from provision.releases.signature import allowed_signers, sign

MANIFEST = Manifest(
    release="1.0.0.0",
    source="https://git.example.org/pod.git",
    tag="v1.0.0.0",
    commit="0" * 40,
    customisations="",
    ruby_abi="3.3.0",
    architecture="x86_64",
    platform_level=1,
    tarball_sha256="",
    tarball_bytes=0,
    unpacked_bytes=0,
    migrations=(Migration("20260101000000_create_pods", "1" * 64),),
    built_at="2026-01-01T00:00:00+00:00",
)


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODFLEET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PODFLEET_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def make_vault(directory: Path) -> Vault:
    """A fleet's vault with a signing key of its own."""
    directory.mkdir()
    password = directory / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    vault = Vault(directory, VaultPassword(password))
    vault.ensure_fleet()
    return vault


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return make_vault(tmp_path / "fleet")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a build leaves, small."""
    root = tmp_path / "tree"
    for name, content in {
        "bin/rake": "#!/usr/bin/env ruby\n",
        "config/defaults.yml": "defaults:\n",
        "db/migrate/20260101000000_create_pods.rb": "class CreatePods; end\n",
        "public/assets/main-0123.css": "body {}\n",
        "vendor/bundle/ruby/3.3.0/gems/rack-1/lib/rack.rb": "module Rack; end\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (root / "bin/rake").chmod(0o755)
    (root / "bin/start").symlink_to("rake")
    return root


@dataclass(frozen=True)
class Shipped:
    """An artifact as it lies on a host, and whose signatures that host takes."""

    directory: Path
    signers: Path
    release_id: str

    @property
    def tarball(self) -> Path:
        return self.directory / f"{self.release_id}.tar.zst"


@pytest.fixture
def shipped(tmp_path: Path, tree: Path, vault: Vault) -> Callable[..., Shipped]:
    def make(signer: Vault = vault, key: str = "key", **changes: Any) -> Shipped:
        tarball = tmp_path / "release.tar.zst"
        recipe.pack(tree, tarball)
        found: dict[str, Any] = {
            "tarball_sha256": sha256_of(tarball),
            "tarball_bytes": tarball.stat().st_size,
        }
        manifest = replace(MANIFEST, **{**found, **changes})
        artifact = store.keep(key, tarball, manifest)
        (artifact.directory / f"{artifact.release_id}.json.sig").write_bytes(
            sign(artifact.manifest_path.read_bytes(), signer)
        )
        signers = tmp_path / "allowed_signers"
        signers.write_text(allowed_signers(vault))
        return Shipped(artifact.directory, signers, artifact.release_id)

    return make
