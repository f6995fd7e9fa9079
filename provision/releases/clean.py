"""A clean Debian guest to build in: an image with compilers, and a layer that is thrown away."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from provision import contract
from provision.errors import Refusal
from provision.fleet.model import REHEARSAL
from provision.lab.container import run_in_layers
from provision.lab.image import Images, Layer, layer_on_debian, use
from provision.lab.mounts import remove_tree
from provision.places import cache_directory
from provision.report import Report

LOOK_SECONDS = 0.5


def builder_image(source: str) -> Layer:
    """The image that a source is built in."""
    if source == REHEARSAL:
        # Compiles nothing: its gems are Debian's.
        return layer_on_debian("rehearsal-builder", contract.REHEARSAL_BUILD_PACKAGES)
    return layer_on_debian("builder", contract.BUILD_PACKAGES)


class CleanGuest:
    """Builds on this machine."""

    def architecture(self) -> str:
        """What is built here runs on this `uname -m`."""
        return platform.machine()

    def run(
        self,
        argv: Sequence[str],
        image: Layer,
        place: Path,
        environment: Mapping[str, str],
        report: Report,
    ) -> int:
        """Runs argv as root on a fresh copy of the image, `place` being /build; its exit code."""
        if os.getuid() != 0:
            raise Refusal(
                "build",
                "a clean guest needs root on this machine",
                "Run podfleet with sudo, or build on a host with `podfleet build --on HOST`.",
            )
        layers = Images(cache_directory(), report.line).ensure(image)
        with _scratch(place, layers) as upper, _told(place / "out/log", report):
            return run_in_layers(
                argv, layers, upper,
                environment={**environment, **_proxies()}, has_network=True,
                binds={place: PurePosixPath("/build")}, check=False,
            ).returncode  # fmt: skip


def _proxies() -> dict[str, str]:
    """How this machine reaches what it downloads, as its user set it."""
    names = ("http_proxy", "https_proxy", "no_proxy", "npm_config_registry", "BUNDLE_MIRROR__ALL")
    return {name: os.environ[name] for name in names if name in os.environ}


@contextmanager
def _scratch(place: Path, layers: list[Path]) -> Iterator[Path]:
    """Where a guest writes: beside its workplace, and gone afterwards."""
    scratch = place.with_name(f"{place.name}-guest")
    remove_tree(scratch)
    upper = scratch / "upper"
    try:
        upper.mkdir(parents=True, mode=0o755)
        use(cache_directory(), scratch.name, scratch, layers)
        yield upper
    finally:
        remove_tree(scratch)


@contextmanager
def _told(log: Path, report: Report) -> Iterator[None]:
    """Reports the steps of a build while it runs; its log names each as it begins."""
    is_over = threading.Event()

    def watch() -> None:
        told = 0
        while not is_over.wait(LOOK_SECONDS):
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            steps = [line for line in lines if line.startswith("== ")]
            for step in steps[told:]:
                report.line(step.removeprefix("== "))
            told = len(steps)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
