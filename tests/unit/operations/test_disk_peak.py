"""The most that something had on the disk, also where it was gone again before its end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from provision.operations import disk_peak
from provision.operations.disk_peak import DiskPeak


def test_what_was_there_for_a_while_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [1000, 900, 400, 950]
    monkeypatch.setattr(disk_peak, "free_bytes", lambda _: free.pop(0) if len(free) > 1 else 950)
    monkeypatch.setattr(disk_peak, "LOOK_SECONDS", 0.01)
    with DiskPeak(tmp_path) as peak:
        time.sleep(0.3)
    assert peak.bytes == 600


def test_it_ends_with_what_it_watches(tmp_path: Path) -> None:
    peak = DiskPeak(tmp_path)
    with pytest.raises(ZeroDivisionError), peak:
        _ = 1 / 0
    assert not peak._thread.is_alive()
