"""When a web process that ends closes its pod: what its unit runs then, run by a shell."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from provision.contract import PodPlaces

UNIT = Path(__file__).parent / "pod/etc/systemd/system/pod-main-web@.service"
PLACES = PodPlaces("main")
LIVE, OTHER = "1.0.0.0-0123abcd", "1.1.0.0-0123abcd"


@pytest.mark.parametrize(
    ("leads_to", "result", "closes"),
    [
        # It is live and cannot boot: nginx shall not let anybody wait for it.
        (PLACES.web_socket(LIVE), "exit-code", True),
        (PLACES.web_socket(LIVE), "success", False),
        (PLACES.web_socket(OTHER), "signal", False),
        # It hung as it ended, and was killed, while requests waited for the next one.
        (PLACES.hold_socket, "signal", False),
    ],
)
def test_a_web_that_ends(
    tmp_path: Path, leads_to: PurePosixPath, result: str, closes: bool
) -> None:
    home = Path(PLACES.home)
    found = re.search(r"^ExecStopPost=\+/bin/sh -c '(.*)'$", UNIT.read_text(), re.MULTILINE)
    assert found
    # As systemd reads it, with the pod's home in a place of the test's.
    script = found[1].replace("$$", "$").replace("%i", LIVE).replace(str(home), str(tmp_path))
    (tmp_path / "live.sock").symlink_to(str(leads_to).replace(str(home), str(tmp_path)))
    # Until requests go over to another release, the document root is this one's.
    (tmp_path / "current").symlink_to(tmp_path / "releases" / LIVE)
    subprocess.run(["/bin/sh", "-c", script], check=True, env={"SERVICE_RESULT": result})
    assert (tmp_path / "web-down").exists() is closes
