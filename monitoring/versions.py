"""diaspora*'s versions as numbers that can be compared."""

from __future__ import annotations

import re

# What is called after a release to come (0.10.0-dev, 0.9.0.0-rc1) is none yet.
_RELEASE = re.compile(
    r"v?(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?![\d.]|[-.]?(?:dev|rc|alpha|beta|pre))",
    re.ASCII,
)
# How upstream marks what is on its way to the next release: 0.9.99.0.
_DEVELOPMENT = 99


def release_number(version: str) -> int | None:
    """0.9.1.0 is 9001000, three digits a part; None for what is no release."""
    found = _RELEASE.match(version)
    if found is None or int(found[3]) == _DEVELOPMENT:
        return None
    first, second, third, fourth = (int(part or 0) for part in found.groups())
    return ((first * 1000 + second) * 1000 + third) * 1000 + fourth
