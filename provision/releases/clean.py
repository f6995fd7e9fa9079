"""A clean Debian guest to build in: an image with compilers, and a layer that is thrown away."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from provision.errors import Refusal
from provision.lab.container import run_in_layers
from provision.lab.image import Images, layer_on_debian
from provision.lab.mounts import remove_tree
from provision.places import cache_directory
from provision.report import Report


def run_clean(
    argv: Sequence[str],
    packages: Iterable[str],
    binds: Mapping[Path, PurePosixPath],
    environment: Mapping[str, str],
    report: Report,
) -> int:
    """Runs argv as root on Debian with these packages, with network; gives its exit code."""
    if os.getuid() != 0:
        raise Refusal(
            "build",
            "a clean guest needs root on this machine",
            "Run podfleet with sudo, or build on a pod host with `podfleet build --on HOST`.",
        )
    images = Images(cache_directory(), report.line)
    layers = images.ensure(layer_on_debian("builder", packages))
    scratch = Path(tempfile.mkdtemp(prefix="build-", dir=images.directory))
    try:
        upper = scratch / "upper"
        upper.mkdir(mode=0o755)
        return run_in_layers(
            argv, layers, upper,
            environment=environment, has_network=True, binds=binds, check=False,
        ).returncode  # fmt: skip
    finally:
        remove_tree(scratch)


def architecture() -> str:
    """What a guest of this machine builds for."""
    return platform.machine()
