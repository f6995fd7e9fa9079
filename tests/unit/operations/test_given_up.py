"""An operation that breaks off without a verdict is started again, and not given up."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from provision.errors import Exit, Refusal
from provision.operations import running
from provision.operations.host_main import main

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "templates/host/etc/systemd/system/podfleet-operation@.service"
FAULTS = [
    OSError(errno.ENOSPC, "No space left on device"),
    # These would be the usage of podfleet-host, and a refusal: both are verdicts.
    ValueError("not a number"),
    Refusal("/var/lib/podfleet/alpha/lock", "held by somebody", "Wait."),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_whatever_breaks_it_off_systemd_lets_it_go_on(
    fault: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks_off(_: str) -> int:
        raise fault

    monkeypatch.setattr(running, "run_unfinished", breaks_off)
    code = main(["run", "alpha"])
    found = re.search(r"^RestartPreventExitStatus=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert found
    assert code == Exit.BUG and str(int(code)) not in found[1].split()
    assert str(fault) in capsys.readouterr().err
