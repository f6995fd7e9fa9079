"""Releases built for real from the rehearsal pod, in the clean guest and on a pod host."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from provision.errors import Refusal
from provision.fleet.model import REHEARSAL, Admin, Pod, Source
from provision.fleet.secrets import Vault
from provision.fleet.vault_password import VaultPassword
from provision.lab.lab import Lab, LabHost
from provision.places import cache_directory
from provision.releases import store
from provision.releases.build import ensure_artifact
from provision.releases.contents import SECRETS, UNUSED, is_secret_name
from provision.releases.ship import ship
from provision.releases.signature import allowed_signers
from provision.releases.store import Artifact
from provision.releases.tree import OFFERED_SOURCE
from provision.releases.verify import unpack_artifact, verify_artifact
from provision.report import Silent

pytestmark = pytest.mark.lab

MACHINE = os.uname().machine
HEX = re.compile(rb"secret_key_base\W+[0-9a-f]{40}|-----BEGIN [A-Z ]*PRIVATE KEY-----")


class Told(Silent):
    """Remembers what a build says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def pod(ours: Path, release: str = "1.0.0.0", tag: str | None = None) -> Pod:
    return Pod(
        name="main",
        domain="main.lab.test",
        host="one",
        release=release,
        admin=Admin(username="podmin", email="podmin@example.org"),
        source=Source(url=REHEARSAL, tag=tag),
        customisations=ours,
    )


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    directory = tmp_path_factory.mktemp("fleet")
    (directory / "password").write_text("correct horse\n")
    (directory / "password").chmod(0o600)
    vault = Vault(directory, VaultPassword(directory / "password"))
    vault.ensure_fleet()
    return vault


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """Customisations that no build has seen: what is asked for is not in the store yet."""
    return customise(tmp_path / "ours")


def customise(directory: Path) -> Path:
    (directory / "public").mkdir(parents=True)
    (directory / "public/mark.txt").write_text(secrets.token_hex(8))
    return directory


@pytest.fixture(scope="module", autouse=True)
def _leave_the_store_as_it_was() -> Iterator[None]:
    directory = store.store_directory()
    before = set(directory.rglob("*"))
    yield
    for path in set(directory.rglob("*")) - before:
        if path.is_file():
            path.unlink()


@pytest.fixture(scope="module")
def built(vault: Vault, tmp_path_factory: pytest.TempPathFactory) -> tuple[Pod, Artifact]:
    """One build of the rehearsal pod, with customisations of its own."""
    wanted = pod(customise(tmp_path_factory.mktemp("customised") / "ours"))
    return wanted, ensure_artifact(wanted, vault, Silent())


@pytest.fixture(scope="module")
def unpacked(built: tuple[Pod, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("unpacked") / "release"
    unpack_artifact(built[1].path, into)
    return into


def names_in(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in root.rglob("*")]


def test_it_holds_what_a_host_runs(unpacked: Path, built: tuple[Pod, Artifact]) -> None:
    for name in ("bin/rake", "config/puma.rb", "config.ru", "public/404.html", "Gemfile.lock"):
        assert (unpacked / name).is_file(), name
    assert [*(unpacked / "public/assets").iterdir()]
    assert [*unpacked.glob("vendor/bundle/ruby/*/gems/puma-*")]
    manifest = built[1].manifest
    assert {one.name for one in manifest.migrations} == {
        path.stem for path in (unpacked / "db/migrate").glob("*.rb")
    }
    assert (manifest.architecture, manifest.ruby_abi) == (MACHINE, "3.3.0")
    assert manifest.unpacked_bytes == sum(
        path.stat().st_size
        for path in unpacked.rglob("*")
        if path.is_file() and not path.is_symlink()
    )


def test_no_secret_is_inside(unpacked: Path) -> None:
    assert [name for name in names_in(unpacked) if is_secret_name(name)] == []
    with_secret = [
        path
        for path in unpacked.rglob("*")
        if path.is_file() and not path.is_symlink() and HEX.search(path.read_bytes())
    ]
    assert with_secret == []
    for pattern in (*SECRETS, *UNUSED):
        assert list(unpacked.glob(pattern)) == [], pattern


def test_the_source_is_offered_with_the_customisations(
    unpacked: Path, built: tuple[Pod, Artifact]
) -> None:
    ours = built[0].customisations
    assert ours is not None
    assert (unpacked / "public/mark.txt").read_text() == (ours / "public/mark.txt").read_text()
    with tarfile.open(unpacked / OFFERED_SOURCE) as tar:
        names = tar.getnames()
    assert "source/public/mark.txt" in names
    assert "source/Gemfile" in names
    inside = [name.removeprefix("source/") for name in names]
    assert not [name for name in inside if is_secret_name(name) or name.startswith("vendor/")]


def test_it_is_reused(built: tuple[Pod, Artifact], vault: Vault) -> None:
    told, began = Told(), time.monotonic()
    assert ensure_artifact(built[0], vault, told) == built[1]
    assert time.monotonic() - began < 2
    assert told.lines == []


def test_an_altered_artifact_is_built_again(vault: Vault, ours: Path) -> None:
    first = ensure_artifact(pod(ours), vault, Silent())
    first.path.write_bytes(b"something else")
    again = ensure_artifact(pod(ours), vault, Silent())
    assert again.is_whole
    assert again.manifest.tarball_sha256 == first.manifest.tarball_sha256, "builds differ"


def test_two_builds_of_one_release_at_once_are_one(vault: Vault, ours: Path) -> None:
    told = [Told(), Told()]
    found: list[Artifact] = []
    threads = [
        threading.Thread(
            target=lambda one=one: found.append(ensure_artifact(pod(ours), vault, one))
        )
        for one in told
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert sorted(any("assets" in line for line in one.lines) for one in told) == [False, True]


def test_a_tag_that_is_not_there_is_refused(vault: Vault, ours: Path) -> None:
    with pytest.raises(Refusal, match=r"it has no tag v1\.0\.0\.9.*Near it are v1\.0\.0\.0"):
        ensure_artifact(pod(ours, "1.0.0.9"), vault, Silent())


def test_another_architecture_is_refused(vault: Vault, ours: Path) -> None:
    with pytest.raises(Refusal, match=r"its host is riscv64.*podfleet build --on one"):
        ensure_artifact(pod(ours), vault, Silent(), architecture="riscv64")


def test_a_failing_build_says_why_and_a_mended_one_goes_through(vault: Vault, ours: Path) -> None:
    (ours / "lib/tasks").mkdir(parents=True)
    broken = ours / "lib/tasks/broken.rake"
    broken.write_text('Rake::Task["assets:precompile"].enhance { abort "no ink left" }\n')
    before = set(store.store_directory().glob("*.tar.zst"))
    with pytest.raises(Refusal) as refused:
        ensure_artifact(pod(ours), vault, Silent())
    words = str(refused.value)
    assert "no ink left" in words
    assert "assets ended with 1" in words
    log = re.search(r"The whole log is (\S+);", words)
    assert log is not None
    assert "no ink left" in Path(log[1]).read_text()
    assert set(store.store_directory().glob("*.tar.zst")) == before
    key = Path(log[1]).stem.rpartition("-")[2]
    assert left_behind(key) == []
    broken.unlink()
    assert ensure_artifact(pod(ours), vault, Silent()).is_whole


def test_a_build_that_makes_a_secret_is_refused(vault: Vault, ours: Path) -> None:
    (ours / "lib/tasks").mkdir(parents=True)
    (ours / "lib/tasks/leak.rake").write_text(
        'Rake::Task["assets:precompile"].enhance do\n'
        "  key = OpenSSL::PKey::RSA.new(2048).to_pem\n"
        '  File.write("public/notes.txt", key)\n'
        "end\n"
    )
    with pytest.raises(Refusal, match=r"public/notes\.txt contains a private key"):
        ensure_artifact(pod(ours), vault, Silent())


def test_a_full_disk_of_the_controller_leaves_nothing(
    vault: Vault, ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODFLEET_CACHE", str(tmp_path / "cache"))
    builds = tmp_path / "cache/builds"
    builds.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", builds], check=True)
    try:
        with pytest.raises(Refusal, match=r"the disk is full; nothing was kept.*Make room there"):
            ensure_artifact(pod(ours), vault, Silent())
        assert list(builds.iterdir()) == []
        assert store.artifacts() == []
    finally:
        subprocess.run(["umount", builds], check=True)


def left_behind(key: str) -> list[str]:
    """What is there of a build that is over: directories, mounts."""
    builds = cache_directory() / "builds"
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    mounted = [line for line in mounts if f"{builds}/{key}" in line]
    return [*mounted, *map(str, builds.glob(f"{key}*"))]


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab("build", LabHost("one", 2 << 30))


def test_it_is_shipped_once_and_taken_by_the_host(
    built: tuple[Pod, Artifact], vault: Vault, lab: Lab, tmp_path: Path
) -> None:
    host, artifact = lab.connection("one"), built[1]
    assert ship(artifact, host)
    assert not ship(artifact, host)
    there = PurePosixPath("/var/lib/podfleet/artifacts")
    modes = host.run(["stat", "--format=%a %U", str(there), f"{there}/{artifact.path.name}"])
    assert modes.stdout.decode().split() == ["700", "root", "600", "root"]
    for name in ("tar.zst", "json", "json.sig"):
        file = f"{artifact.release_id}.{name}"
        host.fetch_file(there / file, tmp_path / file)
    (tmp_path / "signers").write_text(allowed_signers(vault))
    manifest = verify_artifact(
        tmp_path, artifact.release_id, tmp_path / "signers", "3.3.0", MACHINE, 1
    )
    assert manifest == artifact.manifest


def test_an_altered_copy_on_the_host_is_shipped_anew(built: tuple[Pod, Artifact], lab: Lab) -> None:
    host, artifact = lab.connection("one"), built[1]
    ship(artifact, host)
    name = f"/var/lib/podfleet/artifacts/{artifact.path.name}"
    host.run(["truncate", "--size=100", name])
    assert ship(artifact, host)
    found = host.run(["sha256sum", name]).stdout.decode().split()[0]
    assert found == artifact.manifest.tarball_sha256


def test_a_full_host_keeps_nothing_of_it(built: tuple[Pod, Artifact], lab: Lab) -> None:
    host, artifact = lab.connection("one"), built[1]
    there = "/var/lib/podfleet/artifacts"
    host.run(["sh", "-c", f"rm -rf {there}; mkdir -m 0700 {there}"])
    host.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", there])
    try:
        with pytest.raises(Refusal, match=r"host one: its disk is full.*Make room there"):
            ship(artifact, host)
        assert host.run(["ls", "-A", there]).stdout == b""
    finally:
        host.run(["umount", there])
    assert ship(artifact, host)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_host_builds_what_the_controller_does_not(vault: Vault, lab: Lab, ours: Path) -> None:
    host, told = lab.connection("one"), Told()
    artifact = ensure_artifact(pod(ours), vault, told, on=host)
    assert artifact.is_whole
    assert [line for line in told.lines if line.startswith("assets: bin/rake")]
    assert host.run(["ls", "-A", "/var/lib/podfleet/builds"]).stdout == b""
    packages = host.run(["dpkg-query", "-W", "-f", "${Package}\n"]).stdout.decode().split()
    assert not {"ruby-railties", "build-essential"} & set(packages)
    ship(artifact, host)
