"""The runtime a pod host operates with: podfleet's own code and its wheels, as one tarball.

It holds `site/` (the `[host]` extra for the host's Python and architecture, at the versions and
hashes of requirements.lock), `provision/`, `monitoring/`, `templates/`, the runbook and `bin/`:
a host needs no package index. Its version is the digest of what is in it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from provision.errors import Refusal
from provision.places import CHECKOUT, cache_directory
from provision.releases.cache import locked, sha256_of, whole_file, whole_tree

CODE = ("provision", "monitoring", "templates")
# The dashboard shows it.
RUNBOOK = "docs/runbook.md"
# What only the controller runs: a change there is no other runtime.
CONTROLLER_ONLY = (
    *("provision/cli/", "provision/converge/", "provision/lab/", "provision/verify/"),
    *("monitoring/rules/", "monitoring/grafana/"),
)
KEPT_RUNTIMES = 8
# What units and the controller start, and the file beside this one that it is.
ENTRIES = {
    "bin/podfleet-host": "podfleet_host.py",
    "bin/podfleet-monitor": "podfleet_monitor.py",
    "bin/podfleet-dashboard": "podfleet_dashboard.py",
}
# Wheels for a glibc that Debian 13 has on every architecture.
PLATFORMS = {"x86_64": "x86_64-manylinux_2_36", "aarch64": "aarch64-manylinux_2_36"}

# Not needed to run: tests, sources of the compiled parts, type stubs, scripts with our paths.
_UNUSED_DIRECTORIES = ("*/tests", "*/testing", "**/__pycache__", "bin", "paramiko-stubs")
_UNUSED_SUFFIXES = (".c", ".h", ".pyx", ".pxd", ".pyi", ".pyc", ".cpp", ".hpp", ".rst")
_UNUSED_NAMES = {".lock", "INSTALLER", "RECORD", "REQUESTED", "WHEEL", "direct_url.json"}


@dataclass(frozen=True)
class Runtime:
    """A runtime in the cache; it unpacks into contract.RUNTIMES/<version>, no leading directory."""

    version: str
    path: Path
    sha256: str


def runtime_tarball(python: str, architecture: str) -> Runtime:
    """The runtime of this checkout for a host with that Python ("3.13") and `uname -m`."""
    if architecture not in PLATFORMS:
        raise Refusal(
            f"architecture {architecture}",
            "podfleet has no runtime for it",
            f"Use a host with one of: {', '.join(PLATFORMS)}.",
        )
    store = cache_directory() / "runtimes"
    with locked(store / ".lock"):
        site = _site(store, python, architecture)
        files = dict(sorted((*_site_files(site), *_code_files())))
        version = _digest(site, files)[:12]
        target = store / f"{version}.tar.gz"
        if not target.exists():
            _pack(files, target)
            _prune(store)
        return Runtime(version, target, _checksum(target))


def _site(store: Path, python: str, architecture: str) -> Path:
    """The unpacked wheels; made once for each lock file, Python and architecture."""
    project = CHECKOUT / "pyproject.toml"
    wanted = tomllib.loads(project.read_text())["project"]["optional-dependencies"]["host"]
    lock = CHECKOUT / "requirements.lock"
    recipe = [python, architecture, wanted, lock.read_text(), Path(__file__).read_text()]
    key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
    site = store / f"site-{key}"
    if not site.exists():
        with whole_tree(site) as partial:
            _install(wanted, lock, partial, python, PLATFORMS[architecture])
            _drop_unused(partial)
    return site


def _install(wanted: list[str], lock: Path, into: Path, python: str, platform: str) -> None:
    argv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-progress"]
    argv += ["--target", str(into), "--python-version", python, "--python-platform", platform]
    argv += ["--only-binary", ":all:", "--constraints", str(lock), "--", *wanted]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=_index())
    if done.returncode != 0:
        raise Refusal(
            "runtime",
            f"the wheels for the hosts could not be had: {done.stderr.strip()}",
            "See that this machine reaches its package index, then run the command again.",
        )


def _index() -> dict[str, str]:
    """Tells uv, which ignores pip's configuration, of the index that it names."""
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    argv = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    if found := re.findall(r"^[^=]*\.index-url='(.*)'$", said, re.MULTILINE):
        environment.setdefault("UV_DEFAULT_INDEX", found[-1])
    return environment


def _drop_unused(site: Path) -> None:
    for pattern in _UNUSED_DIRECTORIES:
        for directory in list(site.glob(pattern)):
            shutil.rmtree(directory)
    for path in site.rglob("*"):
        if path.name in _UNUSED_NAMES or path.name.endswith(_UNUSED_SUFFIXES):
            path.unlink()


def _site_files(site: Path) -> Iterator[tuple[str, Path]]:
    for path in site.rglob("*"):
        if path.is_file():
            yield f"site/{path.relative_to(site).as_posix()}", path


def _code_files() -> Iterator[tuple[str, Path]]:
    for entry, name in ENTRIES.items():
        yield entry, Path(__file__).with_name(name)
    yield RUNBOOK, CHECKOUT / RUNBOOK
    for top in CODE:
        for path in (CHECKOUT / top).rglob("*"):
            name = path.relative_to(CHECKOUT).as_posix()
            if path.is_file() and not name.startswith(CONTROLLER_ONLY) and not _is_litter(path):
                yield name, path


def _is_litter(path: Path) -> bool:
    """What an interpreter or an editor leaves in a checkout."""
    return path.parent.name == "__pycache__" or path.name.endswith(("~", ".pyc", ".swp"))


def _digest(site: Path, files: dict[str, Path]) -> str:
    """Digest of all contents; the wheels' share is remembered, it never changes."""
    remembered = site.with_name(f"{site.name}.sha256")
    if not remembered.exists():
        with whole_file(remembered) as partial:
            partial.write_text(_digest_of(files, "site/"))
    code = _digest_of(files, *(f"{top}/" for top in CODE), RUNBOOK, *ENTRIES)
    return hashlib.sha256(f"{remembered.read_text()} {code}".encode()).hexdigest()


def _digest_of(files: dict[str, Path], *tops: str) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        if name.startswith(tops):
            digest.update(f"{sha256_of(path)}  {name}\n".encode())
    return digest.hexdigest()


def _pack(files: dict[str, Path], target: Path) -> None:
    """The same contents give the same bytes: sorted, owned by root, without times."""
    with (
        whole_file(target) as partial,
        partial.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, path in files.items():
            member = tarfile.TarInfo(name)
            member.size = path.stat().st_size
            member.mode = 0o755 if name in ENTRIES else 0o644
            with path.open("rb") as content:
                tar.addfile(member, content)


def _prune(store: Path) -> None:
    """Old runtimes, and the wheels of old locks, can be made again from their own checkout."""
    for old in _all_but_newest(store.glob("*.tar.gz")):
        old.unlink()
    for old in _all_but_newest(path for path in store.glob("site-*") if path.is_dir()):
        shutil.rmtree(old)


def _all_but_newest(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: -path.stat().st_mtime)[KEPT_RUNTIMES:]


def _checksum(target: Path) -> str:
    remembered = target.with_name(f"{target.name}.sha256")
    if not remembered.exists():
        with whole_file(remembered) as partial:
            partial.write_text(sha256_of(target))
    return remembered.read_text()
