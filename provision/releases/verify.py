"""Whether a host may run an artifact; its unpacking: whole, inside its directory, or not at all.

Runs on the pod host by the standard library alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

from provision.errors import Refusal
from provision.releases.manifest import Manifest, read_manifest

# What a signature is for, and whose it is, to ssh-keygen; one fleet has one signer.
NAMESPACE = "podfleet-release"
SIGNER = "podfleet"

REBUILD = (
    "Build it again with `podfleet build`, and run the command again: it is then shipped anew."
)


def verify_artifact(
    directory: Path, release_id: str, signers: Path, abi: str, architecture: str, level: int
) -> Manifest:
    """The manifest of an artifact that this host may run.

    Refuses one that is missing, not signed by `signers`, altered, compiled for another Ruby or
    architecture, or made for a platform level above `level`.
    """
    where = f"release {release_id}"
    manifest = _vouched_for(directory, release_id, signers, where)
    _check_whole(directory / f"{release_id}.tar.zst", manifest, where)
    _check_fits(manifest, where, abi, architecture, level)
    return manifest


def _vouched_for(directory: Path, release_id: str, signers: Path, where: str) -> Manifest:
    file, signature = directory / f"{release_id}.json", directory / f"{release_id}.json.sig"
    if not file.is_file():
        raise Refusal(where, f"{file} is not there", REBUILD)
    if not signature.is_file():
        raise Refusal(where, f"it is not signed: {signature} is not there", REBUILD)
    content = file.read_bytes()
    is_good, words = is_signed(content, signature, signers)
    if not is_good:
        what = f"its signature is not one that this host trusts ({words})"
        raise Refusal(
            where, what, f"{REBUILD} If the fleet's signing key is new, run `podfleet up`."
        )
    manifest = read_manifest(content, where)
    if manifest.release_id != release_id:
        raise Refusal(where, f"the manifest is that of {manifest.release_id}", REBUILD)
    return manifest


def is_signed(content: bytes, signature: Path, signers: Path) -> tuple[bool, str]:
    """Whether a trusted key signed these bytes, and what ssh-keygen says about it."""
    argv = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", SIGNER, "-n", NAMESPACE]
    argv += ["-s", str(signature)]
    done = subprocess.run(argv, input=content, capture_output=True, check=False)
    return done.returncode == 0, (done.stderr or done.stdout).decode(errors="replace").strip()


def _check_whole(tarball: Path, manifest: Manifest, where: str) -> None:
    if not tarball.is_file():
        raise Refusal(where, f"{tarball} is not there", REBUILD)
    with tarball.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != manifest.tarball_sha256:
        raise Refusal(where, f"{tarball.name} was altered: its SHA-256 is {found}", REBUILD)


def _check_fits(manifest: Manifest, where: str, abi: str, architecture: str, level: int) -> None:
    if manifest.architecture != architecture:
        raise Refusal(
            where,
            f"it is built for {manifest.architecture}, and this host is {architecture}",
            "Build it on a host of that architecture with `podfleet build --on HOST`.",
        )
    if manifest.ruby_abi != abi:
        what = f"it is built for Ruby {manifest.ruby_abi}, and this host has {abi}"
        raise Refusal(where, what, REBUILD)
    if manifest.platform_level > level:
        raise Refusal(
            where,
            f"it needs platform level {manifest.platform_level}, and this host has {level}",
            "Run `podfleet up`: it brings the host's platform up first.",
        )


def unpack_artifact(tarball: Path, into: Path) -> None:
    """Unpacks a verified artifact to `into`: there whole and synced, or not there.

    What an earlier, interrupted try left is removed; an `into` that exists is left as it is.
    """
    if into.exists():
        return
    partial = into.with_name(f".{into.name}.unpacking")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(mode=0o755, parents=True)
    try:
        _unpack(tarball, partial)
        _check_inside(partial, tarball)
        subprocess.run(["sync", "--file-system", str(partial)], check=True)
        partial.rename(into)
        _sync_directory(into.parent)
    except BaseException:
        shutil.rmtree(partial)
        raise


def _unpack(tarball: Path, into: Path) -> None:
    argv = ["tar", "--extract", "--zstd", f"--file={tarball}", f"--directory={into}"]
    argv += ["--numeric-owner", "--same-owner", "--same-permissions", "--delay-directory-restore"]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    if "No space left on device" in done.stderr or "Disk quota exceeded" in done.stderr:
        raise Refusal(
            str(into.parent),
            f"the disk is full: {tarball.name} does not fit; nothing of it was kept",
            "Make room there (old releases and exports are listed by `podfleet status`), "
            "then run the command again.",
        )
    # tar only warns of a member that would have left the directory.
    if done.returncode != 0 or done.stderr:
        raise Refusal(
            tarball.name, f"it cannot be unpacked: {done.stderr.strip()[-1000:]}", REBUILD
        )


def _check_inside(root: Path, tarball: Path) -> None:
    """No link leads out of the release, and nothing in it carries another's rights."""
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = os.path.join(directory, name)  # noqa: PTH118 - tens of thousands of files
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                if not Path(path).resolve().is_relative_to(root.resolve()):
                    raise Refusal(
                        tarball.name, f"{Path(path).relative_to(root)} leads out", REBUILD
                    )
            elif mode & (stat.S_ISUID | stat.S_ISGID) or not (
                stat.S_ISREG(mode) or stat.S_ISDIR(mode)
            ):
                what = f"{Path(path).relative_to(root)} is no plain file or directory"
                raise Refusal(tarball.name, what, REBUILD)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
