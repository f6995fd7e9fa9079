"""Cached images of Debian that guests are laid over, each keyed by the digest of its recipe.

`debian` is bare: an init, an SSH server, Python, this machine's own certificate authorities.
Every other image is one overlay layer on it with more of Debian's packages.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from provision.lab.commands import call
from provision.lab.container import run_in_layers, run_in_root
from provision.lab.mounts import remove_tree
from provision.lab.packages import serving
from provision.lab.state import exclusive

SUITE = "trixie"
MIRROR = "http://deb.debian.org/debian"
# Rises when what is done to an image changes, beyond its packages.
RECIPE = 1

LOCAL_AUTHORITIES = Path("/usr/local/share/ca-certificates")

_BARE = ("ca-certificates", "dbus", "iproute2", "openssh-server", "python3", "systemd-sysv")

_SOURCES = f"""Types: deb
URIs: {MIRROR}
Suites: {SUITE} {SUITE}-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: {MIRROR}-security
Suites: {SUITE}-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""

# Services have no business starting while an image is made. Arguments: packages.
_INSTALL = """
set -eu
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
apt-get -q update
apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends -- "$@"
apt-get -q clean
rm /usr/sbin/policy-rc.d
"""

_FINISH_BARE = """
set -eu
/debootstrap/debootstrap --second-stage
update-ca-certificates
systemctl enable systemd-networkd.service
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
apt-get -q clean
rm -rf /var/lib/apt/lists/*
"""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Layer:
    """One image: Debian's packages, over another image or over nothing."""

    name: str
    packages: tuple[str, ...]
    parent: Layer | None = None

    def digest(self) -> str:
        """Changes with whatever goes into the image."""
        recipe = {
            "recipe": [RECIPE, SUITE, MIRROR, os.uname().machine, _INSTALL, _FINISH_BARE, _SOURCES],
            "packages": sorted(self.packages),
            "authorities": [(f.name, f.read_text()) for f in _authorities()],
            "parent": self.parent.digest() if self.parent else None,
        }
        return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]


DEBIAN = Layer("debian", _BARE)


def layer_on_debian(name: str, packages: Iterable[str]) -> Layer:
    """Debian with these packages, under this name."""
    return Layer(name, tuple(sorted(set(packages))), DEBIAN)


@dataclass(frozen=True)
class Images:
    """The images below a cache directory."""

    cache: Path
    report: Report = lambda line: None

    @property
    def directory(self) -> Path:
        return self.cache / "images"

    def path(self, layer: Layer) -> Path:
        return self.directory / f"{layer.name}-{layer.digest()}"

    def ensure(self, layer: Layer) -> list[Path]:
        """The directories that make up an image, topmost first; made where missing."""
        below = self.ensure(layer.parent) if layer.parent else []
        path = self.path(layer)
        if not path.exists():
            wait = f"waiting for another process that makes the image {layer.name}"
            with exclusive(self.directory / f"{layer.name}.lock", lambda: self.report(wait)):
                if not path.exists():
                    self._make_anew(layer, below, path)
        return [path, *below]

    def _make_anew(self, layer: Layer, below: list[Path], path: Path) -> None:
        self.report(f"making the image {layer.name} ({len(layer.packages)} packages)")
        new = path.with_name(f"{path.name}.new")
        remove_tree(new)
        new.mkdir(mode=0o755)
        try:
            self._make(layer, below, new)
            # Made without a single sync: whole on the disk before it gets its name.
            call(["sync", "--file-system", str(new)])
            new.rename(path)
        finally:
            remove_tree(new)
        self._forget_older(layer)

    def _make(self, layer: Layer, below: list[Path], new: Path) -> None:
        with serving(self.cache) as proxy:
            if below:
                environment = {"http_proxy": proxy, "DEBIAN_FRONTEND": "noninteractive"}
                argv = ["sh", "-c", _INSTALL, "install", *layer.packages]
                run_in_layers(argv, below, new, environment=environment, has_network=True)
            else:
                _make_bare(layer, new, proxy)

    def _forget_older(self, layer: Layer) -> None:
        """Removes this image's earlier editions, unless a guest still lies over one."""
        used = _used(self.cache)
        for path in self.directory.glob(f"{layer.name}-*"):
            if path != self.path(layer) and path not in used:
                remove_tree(path)


def use(cache: Path, machine: str, guest: Path, image: list[Path]) -> None:
    """Notes that a guest lies over an image, for as long as the guest's directory exists."""
    users = cache / "images" / "users"
    users.mkdir(exist_ok=True)
    (users / machine).write_text(json.dumps([str(path) for path in (guest, *image)]))


def _used(cache: Path) -> set[Path]:
    used: set[Path] = set()
    for note in (cache / "images" / "users").glob("*"):
        guest, *image = map(Path, json.loads(note.read_text()))
        if guest.exists():
            used.update(image)
        else:
            note.unlink(missing_ok=True)
    return used


def _authorities() -> list[Path]:
    return sorted(LOCAL_AUTHORITIES.glob("*.crt"))


def _make_bare(layer: Layer, root: Path, proxy: str) -> None:
    # In a mount namespace of its own: what debootstrap mounts cannot outlive it.
    call(
        [
            "unshare", "--mount", "--propagation", "private", "--",
            "env", f"http_proxy={proxy}", "debootstrap", "--foreign", "--variant=minbase",
            f"--include={','.join(layer.packages)}", SUITE, str(root), MIRROR,
        ],
        do="See that the Debian mirror can be reached, then run it again.",
    )  # fmt: skip
    # In a Docker container debootstrap leaves a link to a /proc of its caller's here.
    for mounted in (root / "proc", root / "dev"):
        if mounted.is_symlink():
            mounted.unlink()
        mounted.mkdir(exist_ok=True)
    (root / "usr/local/share/ca-certificates").mkdir(parents=True, exist_ok=True)
    for authority in _authorities():
        shutil.copy(authority, root / "usr/local/share/ca-certificates")
    run_in_root(["sh", "-c", _FINISH_BARE], root)
    (root / "etc/apt/sources.list").unlink(missing_ok=True)
    (root / "etc/apt/sources.list.d/debian.sources").write_text(_SOURCES)
    (root / "etc/default/locale").write_text("LANG=C.UTF-8\n")
    (root / "etc/hostname").write_text("localhost\n")
