"""A host runs only what its fleet signed, unaltered, and made for it; real ssh-keygen, real tar."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.releases.verify import unpack_artifact, verify_artifact

from .conftest import Shipped, make_vault

Make = Callable[..., Shipped]


def verify(
    found: Shipped, *, abi: str = "3.3.0", architecture: str = "x86_64", level: int = 1
) -> str:
    manifest = verify_artifact(
        found.directory, found.release_id, found.signers, abi, architecture, level
    )
    return manifest.release_id


def test_a_signed_artifact_is_taken(shipped: Make) -> None:
    found = shipped()
    assert verify(found) == found.release_id
    assert found.release_id.startswith("1.0.0.0-")


def test_an_altered_tarball_is_refused(shipped: Make) -> None:
    found = shipped()
    content = bytearray(found.tarball.read_bytes())
    content[len(content) // 2] ^= 1
    found.tarball.write_bytes(content)
    with pytest.raises(Refusal, match=r"tar.zst was altered.*podfleet build"):
        verify(found)


def test_an_altered_manifest_is_refused(shipped: Make) -> None:
    found = shipped()
    manifest = found.directory / f"{found.release_id}.json"
    manifest.write_text(manifest.read_text().replace("3.3.0", "3.4.0"))
    with pytest.raises(Refusal, match="its signature is not one that this host trusts"):
        verify(found, abi="3.4.0")


def test_another_releases_signed_manifest_is_refused(shipped: Make) -> None:
    found, other = shipped(), shipped(release="0.9.0.0")
    for suffix in ("json", "json.sig", "tar.zst"):
        (found.directory / f"{found.release_id}.{suffix}").write_bytes(
            (found.directory / f"{other.release_id}.{suffix}").read_bytes()
        )
    with pytest.raises(Refusal, match=f"the manifest is that of {other.release_id}"):
        verify(found)


def test_an_unsigned_artifact_is_refused(shipped: Make) -> None:
    found = shipped()
    (found.directory / f"{found.release_id}.json.sig").unlink()
    with pytest.raises(Refusal, match="it is not signed"):
        verify(found)


def test_a_stranger_s_signature_is_refused(shipped: Make, tmp_path: Path) -> None:
    found = shipped(signer=make_vault(tmp_path / "stranger"))
    with pytest.raises(Refusal, match="its signature is not one that this host trusts"):
        verify(found)


def test_a_host_that_trusts_nobody_yet_takes_nothing(shipped: Make) -> None:
    found = shipped()
    found.signers.write_text("")
    with pytest.raises(Refusal, match="its signature is not one that this host trusts"):
        verify(found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "aarch64"}, r"built for aarch64, and this host is x86_64.*build --on"),
        ({"ruby_abi": "3.1.0"}, r"built for Ruby 3\.1\.0, and this host has 3\.3\.0"),
        ({"platform_level": 2}, r"needs platform level 2, and this host has 1.*podfleet up"),
        ({"format": 2}, r"the manifest has format 2, not 1"),
    ],
)
def test_what_is_made_for_another_host_is_refused(
    shipped: Make, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(Refusal, match=words):
        verify(shipped(**changes))


@pytest.mark.parametrize("suffix", ["json", "tar.zst"])
def test_a_missing_file_is_named(shipped: Make, suffix: str) -> None:
    found = shipped()
    (found.directory / f"{found.release_id}.{suffix}").unlink()
    with pytest.raises(Refusal, match=rf"\.{suffix} is not there"):
        verify(found)


def test_what_is_unpacked_is_what_was_packed(shipped: Make, tree: Path, tmp_path: Path) -> None:
    into = tmp_path / "releases" / "one"
    unpack_artifact(shipped().tarball, into)
    names = sorted(path.relative_to(into).as_posix() for path in into.rglob("*"))
    assert names == sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*"))
    assert (into / "bin/start").readlink() == Path("rake")
    assert oct((into / "bin/rake").stat().st_mode & 0o7777) == "0o755"
    assert oct((into / "config/defaults.yml").stat().st_mode & 0o7777) == "0o644"


def test_an_unpacking_that_was_cut_is_begun_again(shipped: Make, tmp_path: Path) -> None:
    left = tmp_path / "releases" / ".one.unpacking" / "half"
    left.mkdir(parents=True)
    unpack_artifact(shipped().tarball, tmp_path / "releases" / "one")
    assert [path.name for path in (tmp_path / "releases").iterdir()] == ["one"]
    assert not (tmp_path / "releases" / "one" / "half").exists()


def test_a_tarball_that_breaks_off_leaves_nothing(shipped: Make, tmp_path: Path) -> None:
    tarball = shipped().tarball
    os.truncate(tarball, tarball.stat().st_size // 2)
    with pytest.raises(Refusal, match="it cannot be unpacked"):
        unpack_artifact(tarball, tmp_path / "releases" / "one")
    assert list((tmp_path / "releases").iterdir()) == []


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def plain(name: str, mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode = mode
    return member


def device(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.devmajor, member.devminor = tarfile.FIFOTYPE, 1, 3
    return member


@pytest.mark.parametrize(
    "members",
    [
        [plain("../outside")],
        [plain("/outside")],
        [link("config/up", "../../outside")],
        [link("etc", "/etc")],
        [link("way", "../.."), plain("way/outside")],
        [plain("bin/root", 0o4755)],
        [device("pipe")],
    ],
    ids=["dots", "absolute", "link up", "absolute link", "through a link", "setuid", "fifo"],
)
def test_nothing_leaves_the_directory(members: list[tarfile.TarInfo], tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for member in members:
            tar.addfile(member)
    tarball = tmp_path / "evil.tar.zst"
    argv = ["zstd", "--quiet", "-o", str(tarball)]
    subprocess.run(argv, input=packed.getvalue(), check=True)
    with pytest.raises(Refusal):
        unpack_artifact(tarball, tmp_path / "releases" / "one")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "fleet") == [
        "evil.tar.zst",
        "releases",
    ]
    assert list((tmp_path / "releases").iterdir()) == []
