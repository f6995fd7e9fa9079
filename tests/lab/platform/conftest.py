"""One host that has its platform, for all tests of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.lab.lab import Lab, LabHost
from tests.lab.platform.platform_host import PlatformHost, platform_host

GIB = 1 << 30
DOMAIN = "alpha.lab.test"


@pytest.fixture(scope="session")
def lab(make_lab: object) -> Lab:
    return make_lab("platform", LabHost("one", 2 * GIB), names={DOMAIN: "one"})  # type: ignore[operator, no-any-return]


@pytest.fixture(scope="session")
def platform(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> PlatformHost:
    """The host, converged."""
    host = platform_host(lab, "one", tmp_path_factory.mktemp("stage"))
    host.converge()
    return host


@pytest.fixture
def clean_platform(platform: PlatformHost) -> Iterator[PlatformHost]:
    """The host; whatever a test leaves is mended after it."""
    yield platform
    platform.converge()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "stage"
