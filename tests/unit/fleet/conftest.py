"""What podfleet learned from releases that were built on this machine is no part of these tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _nothing_learned(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODFLEET_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
