"""A clean Debian guest to build in: an image with compilers, and a layer that is thrown away."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from provision import contract
from provision.errors import Refusal
from provision.fleet.model import REHEARSAL
from provision.lab.container import run_in_layers
from provision.lab.image import Images, Layer, layer_on_debian, use
from provision.lab.mounts import remove_tree
from provision.places import cache_directory
from provision.report import Report


def builder(source: str) -> Layer:
    """The image that a source is built in."""
    if source == REHEARSAL:
        # Compiles nothing: its gems are Debian's.
        return layer_on_debian("rehearsal-builder", contract.REHEARSAL_BUILD_PACKAGES)
    return layer_on_debian("builder", contract.BUILD_PACKAGES)


def run_clean(
    argv: Sequence[str],
    image: Layer,
    binds: Mapping[Path, PurePosixPath],
    environment: Mapping[str, str],
    report: Report,
) -> int:
    """Runs argv as root on a fresh copy of the image, with network; gives its exit code."""
    if os.getuid() != 0:
        raise Refusal(
            "build",
            "a clean guest needs root on this machine",
            "Run podfleet with sudo, or build on a pod host with `podfleet build --on HOST`.",
        )
    images = Images(cache_directory(), report.line)
    layers = images.ensure(image)
    scratch = Path(tempfile.mkdtemp(prefix="build-", dir=cache_directory() / "builds"))
    try:
        use(cache_directory(), scratch.name, scratch, layers)
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
